#pragma once

#include <string_view>

namespace davit {

/// The number of a signal by its name ("TERM", "SIGTERM", any case, "RTMIN+3", "RTMAX-1") or its number ("15").
/// Errors: invalid when there is no such signal.
int parse_signal(std::string_view text);

} // namespace davit
