#pragma once

#include <string_view>

#include "core/log.h"

namespace davit::api {

/// Errors: invalid, in dockerd's words.
log::level parse_log_level(std::string_view text);

/// Sends the engine's log to standard error: one line a message, with the time and the level.
void log_to_standard_error(log::level lowest);

} // namespace davit::api
