#include "core/digest.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

std::size_t size_of(digest::hash_algorithm algorithm) noexcept {
    switch (algorithm) {
    case digest::hash_algorithm::none:
        return 0;
    case digest::hash_algorithm::sha256:
        return 32;
    case digest::hash_algorithm::sha512:
        return 64;
    }
    return 0;
}

digest::hash_algorithm algorithm_named(std::string_view name) noexcept {
    if (name == "sha256") return digest::hash_algorithm::sha256;
    if (name == "sha512") return digest::hash_algorithm::sha512;
    return digest::hash_algorithm::none;
}

} // namespace

digest digest::of_sha256(const std::array<std::byte, 32>& hash) noexcept {
    digest made;
    made.algorithm_ = hash_algorithm::sha256;
    std::memcpy(made.bytes_.data(), hash.data(), hash.size());
    return made;
}

bool digest::read(std::string_view text, digest& into) noexcept {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    into.algorithm_ = algorithm_named(text.substr(0, colon));
    const auto hex = text.substr(colon + 1);
    if (into.is_empty() || hex.size() != 2 * into.size()) return false;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        const auto high = hex_digits.find(hex[at]);
        const auto low = hex_digits.find(hex[at + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) return false;
        into.bytes_[at / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

digest digest::parse(std::string_view text) {
    digest made;
    if (!read(text, made))
        throw error(errc::invalid, "\"{}\" is not a digest: it takes sha256: and 64 lower-case hexadecimal digits",
                    text.substr(0, 160));
    return made;
}

bool digest::is_valid(std::string_view text) noexcept {
    digest ignored;
    return read(text, ignored);
}

std::size_t digest::size() const noexcept {
    return size_of(algorithm_);
}

std::string_view digest::algorithm_name() const noexcept {
    switch (algorithm_) {
    case hash_algorithm::none:
        return "";
    case hash_algorithm::sha256:
        return "sha256";
    case hash_algorithm::sha512:
        return "sha512";
    }
    return "";
}

std::string digest::hex() const {
    std::string text;
    text.reserve(2 * size());
    for (std::size_t at = 0; at < size(); ++at) {
        text += hex_digits[bytes_[at] >> 4];
        text += hex_digits[bytes_[at] & 15];
    }
    return text;
}

std::string digest::text() const {
    if (is_empty()) return {};
    return fmt::format("{}:{}", algorithm_name(), hex());
}

} // namespace davit

std::size_t std::hash<davit::digest>::operator()(const davit::digest& value) const noexcept {
    std::size_t first_bytes; // which are as good as random
    std::memcpy(&first_bytes, value.bytes_.data(), sizeof first_bytes);
    return first_bytes;
}
