#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace davit::api {

/// A regular expression for the name and id filters, matched anywhere in a text unless anchored (RE2's syntax, of which
/// it takes: literals, ., [a-z], [^…], \d \w \s and escaped punctuation, groups, |, *, +, ?, {n,m}, ^ and $). All
/// alternatives are followed at once, so matching takes time proportional to the text, whatever the pattern.
class name_pattern {
  public:
    /// A pattern longer than 1,000 characters, or one that is not well formed, matches only a text equal to it.
    explicit name_pattern(std::string_view pattern);

    bool matches(std::string_view text) const;

  private:
    struct compiler;

    struct step {
        enum class kind : std::uint8_t { set, split, begin, end, match } what;
        std::int32_t first = 0;  ///< set: its index; split: how far the first way is
        std::int32_t second = 0; ///< split: how far the second way is
    };
    struct byte_set {
        std::uint64_t words[4] = {};
        void add(unsigned char byte) noexcept { words[byte / 64] |= std::uint64_t{1} << (byte % 64); }
        void invert() noexcept {
            for (auto& word : words) word = ~word;
        }
        bool has(unsigned char byte) const noexcept { return (words[byte / 64] >> (byte % 64)) & 1; }
    };

    void follow(std::uint32_t at, std::size_t position, std::size_t size, std::vector<std::uint32_t>& active,
                std::vector<bool>& is_active) const;

    std::string literal_;
    std::vector<step> steps_; ///< Empty: only the literal
    std::vector<byte_set> sets_;
};

} // namespace davit::api
