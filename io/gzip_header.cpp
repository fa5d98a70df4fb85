#include "io/gzip_header.h"

#include <zlib.h>

#include "core/error.h"

namespace davit::io {
namespace {

// The bits of the flag byte; the first only says that the content is probably text.
constexpr std::uint8_t has_checksum = 1u << 1;
constexpr std::uint8_t has_extra = 1u << 2;
constexpr std::uint8_t has_name = 1u << 3;
constexpr std::uint8_t has_comment = 1u << 4;
constexpr std::uint8_t reserved_bits = 0xE0;

constexpr std::uint16_t fixed_size = 10;

} // namespace

std::size_t gzip_header::read(std::span<const std::byte> in) {
    std::size_t taken = 0;
    while (taken < in.size() && !is_complete()) take(std::to_integer<std::uint8_t>(in[taken++]));
    return taken;
}

void gzip_header::take_fixed(std::uint8_t byte) {
    const bool is_right = (at_ == 0 && byte == 0x1F) || (at_ == 1 && byte == 0x8B) || (at_ == 2 && byte == 8) ||
                          (at_ == 3 && (byte & reserved_bits) == 0) || at_ > 3;
    if (!is_right) throw error(errc::invalid, "the gzip stream is damaged: no gzip header where one is due");
    if (at_ == 3) flags_ = byte;
    if (++at_ == fixed_size) begin(part::extra_length);
}

void gzip_header::take(std::uint8_t byte) {
    if (part_ != part::checksum) crc_ = static_cast<std::uint32_t>(crc32(crc_, &byte, 1));
    switch (part_) {
    case part::fixed:
        take_fixed(byte);
        break;
    case part::extra_length:
    case part::checksum:
        number_ = static_cast<std::uint16_t>(number_ | byte << (8 * at_));
        if (++at_ < 2) break;
        if (part_ == part::checksum && number_ != (crc_ & 0xFFFF))
            throw error(errc::invalid, "the gzip stream is damaged: its header's checksum is wrong");
        begin(part_ == part::checksum ? part::end : part::extra);
        break;
    case part::extra:
        if (--number_ == 0) begin(part::name);
        break;
    case part::name:
    case part::comment:
        if (byte == 0) begin(part_ == part::name ? part::comment : part::checksum);
        break;
    case part::end:
        break;
    }
}

/// Goes on with the first part from `next` on that the member has.
void gzip_header::begin(part next) {
    at_ = 0;
    if (next == part::extra_length && (flags_ & has_extra) == 0) next = part::name;
    if (next == part::extra && number_ == 0) next = part::name;
    if (next == part::name && (flags_ & has_name) == 0) next = part::comment;
    if (next == part::comment && (flags_ & has_comment) == 0) next = part::checksum;
    if (next == part::checksum && (flags_ & has_checksum) == 0) next = part::end;
    if (next != part::extra) number_ = 0;
    part_ = next;
}

} // namespace davit::io
