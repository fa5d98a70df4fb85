#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/container_config.h"

namespace davit::cli {

/// What the values of flags mean. Errors of all: invalid, in docker's words.

std::string in_lower_case(std::string text);
std::string trimmed(std::string_view text);

/// The fields of one line of comma-separated values (RFC 4180): what is in double quotes may hold commas.
std::vector<std::string> split_csv(std::string_view text);

/// "true", "1", "F", …: as Go reads truths. Nothing for what is none.
std::optional<bool> parse_truth(std::string_view text);

/// From the root, without "." and ".." in it.
std::string absolute_path(const std::string& path);

/// "64m", "1.5 GiB", "1024": powers of 1024, as docker reads sizes.
std::int64_t parse_bytes(const std::string& text);

/// "0.5" or "1/2" CPUs in billionths.
std::int64_t parse_cpus(const std::string& text);

std::int64_t parse_whole_number(const std::string& text);

/// "1h30m", "10s", "500ms": Go's notation of spans. Nothing when the text is none.
std::optional<std::chrono::nanoseconds> parse_span(std::string_view text);

/// "name:address" or "name=address", as the engine takes it. An address may be host-gateway.
std::string parse_extra_host(const std::string& text);
/// Whether it is an IPv4 or IPv6 address.
bool is_address(const std::string& text);
std::string parse_address(const std::string& text);

/// "nofile=1024:2048"; the hard limit is the soft one when it isn't given.
ulimit_config parse_ulimit(const std::string& text);

/// "on-failure:3"
restart_policy parse_restart_policy(const std::string& text);

/// Capabilities as the engine names them: in capitals, with CAP_, each once and in order; ALL stands for all others.
std::vector<std::string> capability_names(const std::vector<std::string>& given);

/// NAME=VALUE of what may differ between containers.
void check_sysctl(const std::string& text);

/// What -v takes that is to be mounted from somewhere, with a path from the root where it is one. Nothing for a path
/// inside alone ("/x").
std::optional<std::string> parse_bind(const std::string& text);

/// --security-opt's values as the engine takes them: profiles by their content.
std::string parse_security_option(const std::string& text);

void check_search_domain(const std::string& text);

/// NAME=VALUE, or the NAME alone of a variable that this program's environment may have.
void check_variable(const std::string& assignment);
void check_label(const std::string& label);

/// "linux", "linux/arm64", "linux/arm/v7": a system, an architecture, or both.
void check_platform(const std::string& text);

/// That, as a parameter of an engine's query. Errors: exit_error.
std::string encoded_platform(const std::string& text);

/// Whether an image is named by its whole id, and so by no reference.
bool is_image_id(std::string_view text) noexcept;

/// Split at the first "=": the second is empty without one.
std::pair<std::string, std::string> split_pair(const std::string& text);

} // namespace davit::cli
