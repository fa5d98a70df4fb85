#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/fields.h"

namespace davit {

/// The name of content by its hash: "sha256:" and 64 lower-case hexadecimal digits (OCI image-spec, descriptor.md
/// §Digests). Because parsing is strict, the text of a digest is safe as a file name and inside a URL.
/// A default-made digest names nothing: its text is empty, and parsing never gives it.
class digest {
  public:
    enum class hash_algorithm : std::uint8_t { none, sha256, sha512 };

    digest() noexcept = default;
    static digest of_sha256(const std::array<std::byte, 32>& hash) noexcept;

    /// Errors: invalid (unknown algorithm, wrong length, anything but lower-case hexadecimal digits).
    static digest parse(std::string_view text);
    static bool is_valid(std::string_view text) noexcept;

    hash_algorithm algorithm() const noexcept { return algorithm_; }
    bool is_empty() const noexcept { return algorithm_ == hash_algorithm::none; }
    std::string_view algorithm_name() const noexcept;
    /// The hash alone, in lower-case hexadecimal digits.
    std::string hex() const;
    /// The first 12 digits, as lists show them.
    std::string short_form() const { return hex().substr(0, 12); }
    /// "sha256:…"
    std::string text() const;

    auto operator<=>(const digest&) const noexcept = default;

  private:
    friend struct std::hash<digest>;

    static bool read(std::string_view text, digest& into) noexcept;
    std::size_t size() const noexcept;

    hash_algorithm algorithm_ = hash_algorithm::none;
    std::array<std::uint8_t, 64> bytes_{}; // zero beyond the algorithm's size
};

template <> struct text_of<digest> {
    static std::string write(const digest& value) { return value.text(); }
    static digest read(std::string_view text) { return text.empty() ? digest{} : digest::parse(text); }
};

} // namespace davit

template <> struct std::hash<davit::digest> {
    std::size_t operator()(const davit::digest& value) const noexcept;
};
