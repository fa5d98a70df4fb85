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

/// "64m", "1.5 GiB", "1024": powers of 1024, as docker reads sizes.
std::int64_t parse_bytes(const std::string& text);

/// "0.5" CPUs in billionths.
std::int64_t parse_cpus(const std::string& text);

std::int64_t parse_whole_number(const std::string& text);

/// "1h30m", "10s", "500ms": Go's notation of spans. Nothing when the text is none.
std::optional<std::chrono::nanoseconds> parse_span(std::string_view text);

/// "80", "80-90/udp": the ports as the API names them ("80/tcp", …).
std::vector<std::string> parse_exposed_ports(const std::string& text);

struct published_port {
    std::string address; ///< Empty for all of the host's
    std::string outside; ///< Empty for any that is free
    std::string inside;  ///< "80/tcp"
};
/// "80", "8080:80/udp", "127.0.0.1:8080-8081:80-81", "[::1]::80": one for each port.
std::vector<published_port> parse_published_ports(const std::string& text);

/// "name:address" or "name=address", as the engine takes it. An address may be host-gateway.
std::string parse_extra_host(const std::string& text);
std::string parse_address(const std::string& text);

/// "nofile=1024:2048"; the hard limit is the soft one when it isn't given.
ulimit_config parse_ulimit(const std::string& text);

/// "on-failure:3"
restart_policy parse_restart_policy(const std::string& text);

/// Capabilities as the engine names them: in capitals, with CAP_, each once and in order; ALL stands for all others.
std::vector<std::string> capability_names(const std::vector<std::string>& given);

/// NAME=VALUE, or the NAME alone of a variable that this program's environment may have.
void check_variable(const std::string& assignment);
void check_label(const std::string& label);

/// "linux", "linux/arm64", "linux/arm/v7": a system, an architecture, or both.
void check_platform(const std::string& text);

/// Whether an image is named by its whole id, and so by no reference.
bool is_image_id(std::string_view text) noexcept;

/// Split at the first "=": the second is empty without one.
std::pair<std::string, std::string> split_pair(const std::string& text);

} // namespace davit::cli
