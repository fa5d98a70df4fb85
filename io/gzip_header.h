#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace davit::io {

/// Bytes that a gzip library is given at once: both count in 32 bits.
inline constexpr std::size_t gzip_step_limit = 1u << 30;

/// Reads the header of one gzip member, which may arrive in pieces (RFC 1952 §2.3). Name, comment and extra field are
/// skipped and never held. ISA-L can do the same, but takes a right header checksum for a wrong one when the header
/// arrives in pieces (2.30).
class gzip_header {
  public:
    /// Takes what belongs to the header off the input; the number of bytes taken.
    /// Errors: invalid (not gzip, an unknown method or flag, a wrong header checksum).
    std::size_t read(std::span<const std::byte> in);
    bool has_begun() const noexcept { return part_ != part::fixed || at_ != 0; }
    bool is_complete() const noexcept { return part_ == part::end; }

  private:
    enum class part : std::uint8_t { fixed, extra_length, extra, name, comment, checksum, end };

    void take(std::uint8_t byte);
    void take_fixed(std::uint8_t byte);
    void begin(part next);

    part part_ = part::fixed;
    std::uint8_t flags_ = 0;
    std::uint16_t at_ = 0;     // bytes of this part that have been read
    std::uint16_t number_ = 0; // a little-endian number in the making; in `extra` the bytes that are left
    std::uint32_t crc_ = 0;
};

} // namespace davit::io
