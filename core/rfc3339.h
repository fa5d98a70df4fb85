#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace davit {

/// A moment as RFC 3339 text in UTC, with as many digits of the second as it needs (none to nine), as Docker writes it:
/// "2026-11-24T16:25:36.5Z". The default-made time_point means "never" and is "0001-01-01T00:00:00Z".
std::string to_rfc3339(std::chrono::system_clock::time_point moment);

/// The same with always nine digits, so that a column of them lines up and compares as text ("…36.500000000Z").
std::string to_rfc3339_fixed(std::chrono::system_clock::time_point moment);

/// Reads RFC 3339 text with any offset; digits beyond the nanosecond are dropped. "0001-01-01T00:00:00Z" gives the
/// default-made time_point. Nothing when the text is no such moment or lies outside what 64-bit nanoseconds hold
/// (1677 to 2262).
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

} // namespace davit
