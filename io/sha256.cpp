#include "io/sha256.h"

#include <cstdint>
#include <new>
#include <type_traits>

#include <nettle/sha2.h>

namespace davit::io {
namespace {

static_assert(sizeof(sha256_ctx) <= 128 && alignof(sha256_ctx) <= 8 && std::is_trivially_copyable_v<sha256_ctx>);

sha256_ctx* context(std::array<std::byte, 128>& state) {
    return std::launder(reinterpret_cast<sha256_ctx*>(state.data()));
}

} // namespace

sha256::sha256() noexcept {
    sha256_init(new (state_.data()) sha256_ctx);
}

void sha256::update(std::span<const std::byte> piece) noexcept {
    if (!piece.empty())
        sha256_update(context(state_), piece.size(), reinterpret_cast<const std::uint8_t*>(piece.data()));
}

sha256::digest_bytes sha256::finish() noexcept {
    digest_bytes bytes;
    sha256_digest(context(state_), bytes.size(), reinterpret_cast<std::uint8_t*>(bytes.data()));
    return bytes;
}

std::string sha256::finish_hex() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(64);
    for (const auto byte : finish()) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

std::string sha256::hex_of(std::string_view whole) {
    sha256 hash;
    hash.update(whole);
    return hash.finish_hex();
}

} // namespace davit::io
