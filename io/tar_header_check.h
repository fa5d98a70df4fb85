#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace davit::io {

/// What the raw headers say that libarchive loses: the link of an entry whose own header has none, because the name
/// could not be put there (as Go does with one that is not ASCII), is known to the pax record only.
struct tar_header_facts {
    char type = 0;    ///< Of the entry's own header
    std::string link; ///< From a pax record or a GNU long name
};

/// Checks the raw headers of one tar entry, beginning with the first of its extended headers, for what libarchive lets
/// pass: NUL bytes inside names (pax(1) §pax Extended Header; C strings would silently end there), numbers that are
/// negative or none, more than `most` bytes in one header. `bytes` may go on after the entry's own header.
/// Errors: invalid, too_large.
tar_header_facts check_tar_headers(std::span<const std::byte> bytes, std::size_t most);

/// The name in an entry's own header, for the text of an error; cut at 100 bytes, empty when there is none.
std::string_view name_in_tar_headers(std::span<const std::byte> bytes);

} // namespace davit::io
