#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The fields of tar headers, as pure functions of their bytes.
namespace davit::io {

/// Where fields are in a header block (POSIX.1-2024, pax §ustar Interchange Format).
namespace tar_layout {
inline constexpr std::size_t block_size = 512;
inline constexpr std::size_t name_at = 0, name_size = 100, mode_at = 100, uid_at = 108, gid_at = 116, id_size = 8;
inline constexpr std::size_t size_at = 124, mtime_at = 136, long_size = 12, type_at = 156, link_at = 157;
inline constexpr std::size_t link_size = 100, magic_at = 257, magic_size = 8, major_at = 329, minor_at = 337;
inline constexpr std::size_t prefix_at = 345, ustar_prefix_size = 155, star_prefix_size = 131, star_trailer_at = 508;
} // namespace tar_layout

/// An entry's name for the text of an error, which shows it with {:?}: so much of it that it does not fill the log.
constexpr std::string_view shown_tar_name(std::string_view name) noexcept {
    return name.substr(0, 200);
}

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
