#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/container_config.h"

namespace davit::cli {

/// What the values of flags mean. Errors of all: invalid, in docker's words.

/// "64m", "1.5 GiB", "1024": powers of 1024, as docker reads sizes.
std::int64_t parse_bytes(const std::string& text);

/// "0.5" CPUs in billionths.
std::int64_t parse_cpus(const std::string& text);

/// "nofile=1024:2048"; the hard limit is the soft one when it isn't given.
ulimit_config parse_ulimit(const std::string& text);

/// "on-failure:3"
restart_policy parse_restart_policy(const std::string& text);

/// Capabilities as the engine names them: in capitals, with CAP_, each once and in order; ALL stands for all others.
std::vector<std::string> capability_names(const std::vector<std::string>& given);

/// NAME=VALUE, or the NAME alone of a variable that this program's environment may have.
void check_variable(const std::string& assignment);
void check_label(const std::string& label);

/// Whether an image is named by its whole id, and so by no reference.
bool is_image_id(std::string_view text) noexcept;

/// Split at the first "=": the second is empty without one.
std::pair<std::string, std::string> split_pair(const std::string& text);

} // namespace davit::cli
