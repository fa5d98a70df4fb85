#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace davit::api {

/// Reads a moment of a query (`since`, `until`): Unix seconds with up to nine digits of their fraction, or RFC 3339.
/// Nothing for an empty text and for "0". Errors: invalid.
std::optional<std::chrono::system_clock::time_point> parse_moment(std::string_view text, std::string_view parameter);

} // namespace davit::api
