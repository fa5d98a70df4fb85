#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"

namespace davit::cli {

/// Declares --filter (-f), which may be given often.
void declare_filters(flag_set& flags, std::vector<std::string>& into);

/// The `filters` parameter for --filter NAME=VALUE…, with its name; empty when there are none.
std::string filters_parameter(const std::vector<std::string>& filters);

/// A moment for `since` and `until`: Unix seconds with nanoseconds. Takes what docker takes: a Unix time, RFC 3339
/// (parts of it), or a span before now ("10m", "1h30m").
/// Errors: exit_error for what is neither; `complaint` stands before the reason.
std::string moment_parameter(const std::string& text, std::string_view complaint = "");

} // namespace davit::cli
