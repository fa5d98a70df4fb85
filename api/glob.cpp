#include "api/glob.h"

#include <algorithm>

namespace davit::api {

namespace {

/// Matches one character of the text with the element that the pattern begins with, and says how long that element is;
/// 0 when it does not match.
std::size_t match_element(std::string_view pattern, char c) {
    if (pattern.empty()) return 0;
    if (pattern[0] == '?') return 1;
    if (pattern[0] == '\\') return pattern.size() > 1 && pattern[1] == c ? 2 : 0;
    if (pattern[0] != '[') return pattern[0] == c ? 1 : 0;
    std::size_t at = 1;
    const bool is_inverted = at < pattern.size() && pattern[at] == '^';
    if (is_inverted) ++at;
    const auto take = [&]() -> char {
        if (at < pattern.size() && pattern[at] == '\\') ++at;
        return at < pattern.size() ? pattern[at++] : '\0';
    };
    bool is_in = false;
    for (bool is_first = true; at < pattern.size() && (is_first || pattern[at] != ']'); is_first = false) {
        const char from = take();
        char to = from;
        if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
            ++at;
            to = take();
        }
        is_in = is_in || (from <= c && c <= to);
    }
    return at < pattern.size() && is_in != is_inverted ? at + 1 : 0;
}

/// Both without a slash. A star first matches nothing and takes one more character whenever the rest does not fit; only
/// the last star seen can have to.
bool matches_segment(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_text = 0;
    while (t < text.size() || p < pattern.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
            continue;
        }
        const auto length = t < text.size() ? match_element(pattern.substr(p), text[t]) : 0;
        if (length > 0) {
            p += length;
            ++t;
        } else if (star != std::string_view::npos && star_text < text.size()) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    return true;
}

} // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
    while (true) {
        const auto pattern_slash = pattern.find('/');
        const auto text_slash = text.find('/');
        if (!matches_segment(pattern.substr(0, pattern_slash), text.substr(0, text_slash))) return false;
        if (pattern_slash == std::string_view::npos || text_slash == std::string_view::npos)
            return pattern_slash == text_slash;
        pattern.remove_prefix(pattern_slash + 1);
        text.remove_prefix(text_slash + 1);
    }
}

} // namespace davit::api
