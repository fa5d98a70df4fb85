#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace davit::io {

/// SHA-256 over bytes that arrive in pieces (FIPS 180-4). Copyable: a copy goes on from where the original stands.
class sha256 {
  public:
    using digest_bytes = std::array<std::byte, 32>;

    sha256() noexcept;

    void update(std::span<const std::byte> piece) noexcept;
    void update(std::string_view piece) noexcept { update(std::as_bytes(std::span{piece})); }

    /// The hash of all that came so far; begins again from nothing.
    digest_bytes finish() noexcept;
    /// The same as 64 lower-case hexadecimal digits.
    std::string finish_hex();

    static std::string hex_of(std::string_view whole);

  private:
    alignas(8) std::array<std::byte, 128> state_; // the library's context, whose header stays in the .cpp
};

} // namespace davit::io
