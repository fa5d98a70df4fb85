#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace davit::api {

/// Reads a moment of a query (`since`, `until`): Unix seconds with up to nine digits of their fraction, or RFC 3339.
/// Nothing for an empty text and for "0". What is beyond 285 years from 1970 is 285 years away. Errors: invalid.
std::optional<std::chrono::system_clock::time_point> parse_moment(std::string_view text, std::string_view parameter);

/// The same, or how long ago it was ("1h30m"), or a date or a time without a zone, which is UTC: what the filter
/// `until` takes.
std::optional<std::chrono::system_clock::time_point> parse_moment_or_age(std::string_view text,
                                                                         std::string_view parameter);

} // namespace davit::api
