#pragma once

#include <string>
#include <vector>

namespace davit::cli {

/// The `filters` parameter for --filter NAME=VALUE…, with its name; empty when there are none.
/// Errors: exit_error for a filter without "=".
std::string filters_parameter(const std::vector<std::string>& filters);

/// A moment for `since` and `until`: Unix seconds with nanoseconds. Takes what docker takes: a Unix time, RFC 3339
/// (parts of it), or a span before now ("10m", "1h30m").
std::string moment_parameter(const std::string& text);

} // namespace davit::cli
