#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The fields of tar headers, as pure functions of their bytes.
namespace davit::io {

/// A number: octal digits with spaces or NULs around them, or GNU's base-256 form. An empty field is 0.
/// Nothing when it is neither, or does not fit.
std::optional<std::int64_t> tar_number(std::string_view field) noexcept;

/// A text field: up to its first NUL.
std::string_view tar_text(std::string_view field) noexcept;

/// Whether a header's checksum is right, counted with unsigned bytes (POSIX) or signed ones (old programs).
bool tar_checksum_is_right(std::string_view block) noexcept;

using pax_records = std::vector<std::pair<std::string, std::string>>;
/// The records "LENGTH KEY=VALUE\n" of a PAX header, appended in their order. False when they are malformed.
bool append_pax_records(std::string_view text, pax_records& to);

/// A moment of a PAX record: "-1.25". False when it is malformed or out of range.
bool parse_pax_time(std::string_view text, std::int64_t& seconds, std::uint32_t& nanoseconds) noexcept;

/// A decimal number without sign. Nothing when it is none, or does not fit.
std::optional<std::int64_t> pax_number(std::string_view text) noexcept;

} // namespace davit::io
