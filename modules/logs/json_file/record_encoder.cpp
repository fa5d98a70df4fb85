#include "modules/logs/json_file/record_encoder.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/rfc3339.h"

namespace davit {

namespace {

using byte_block = unsigned char __attribute__((vector_size(16)));
using signed_block = signed char __attribute__((vector_size(16)));
using word_pair = std::uint64_t __attribute__((vector_size(16)));

constexpr std::string_view record_begin = "{\"log\":\"";
constexpr char hex_digits[] = "0123456789abcdef";

constexpr bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

constexpr auto plain = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < 256; ++c) table[c] = is_plain(static_cast<unsigned char>(c));
    return table;
}();

/// Whether all 16 bytes stand for themselves. Signed comparison finds control characters and bytes beyond ASCII at
/// once.
bool is_plain_block(byte_block block) {
    const auto odd = (reinterpret_cast<signed_block>(block) < 0x20) | (reinterpret_cast<signed_block>(block) == '"') |
                     (reinterpret_cast<signed_block>(block) == '\\') | (reinterpret_cast<signed_block>(block) == '<') |
                     (reinterpret_cast<signed_block>(block) == '>') | (reinterpret_cast<signed_block>(block) == '&');
    const auto words = reinterpret_cast<word_pair>(odd);
    return (words[0] | words[1]) == 0;
}

/// How many bytes the UTF-8 sequence at `at` has; 0 when it is none (Unicode 15, table 3-7).
std::size_t sequence_length(const unsigned char* at, const unsigned char* end) {
    const std::size_t left = static_cast<std::size_t>(end - at);
    const auto follows = [&](std::size_t index, unsigned char least = 0x80, unsigned char most = 0xbf) {
        return index < left && at[index] >= least && at[index] <= most;
    };
    const unsigned char first = at[0];
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first == 0xe0) return follows(1, 0xa0) && follows(2) ? 3 : 0;
    if (first == 0xed) return follows(1, 0x80, 0x9f) && follows(2) ? 3 : 0;
    if (first >= 0xe1 && first <= 0xef) return follows(1) && follows(2) ? 3 : 0;
    if (first == 0xf0) return follows(1, 0x90) && follows(2) && follows(3) ? 4 : 0;
    if (first == 0xf4) return follows(1, 0x80, 0x8f) && follows(2) && follows(3) ? 4 : 0;
    if (first >= 0xf1 && first <= 0xf3) return follows(1) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

char* put(char* out, std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

char* put_escaped(char* out, unsigned char c) {
    switch (c) {
    case '"':
    case '\\':
        *out++ = '\\';
        *out++ = static_cast<char>(c);
        return out;
    case '\n':
        return put(out, "\\n");
    case '\r':
        return put(out, "\\r");
    default:
        out = put(out, "\\u00");
        *out++ = hex_digits[c >> 4];
        *out++ = hex_digits[c & 15];
        return out;
    }
}

/// Appends the text of a JSON string. `is_text` becomes false when it is not UTF-8. `out` has room for six times the
/// text and one block.
char* put_text(char* out, std::string_view text, bool& is_text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = at + text.size();
    while (at != end) {
        while (end - at >= 16) {
            byte_block block;
            std::memcpy(&block, at, sizeof block);
            if (!is_plain_block(block)) break;
            std::memcpy(out, &block, sizeof block);
            out += sizeof block;
            at += sizeof block;
        }
        // Up to the next byte that does not stand for itself, and that one.
        while (at != end && plain[*at]) *out++ = static_cast<char>(*at++);
        if (at == end) break;
        if (*at < 0x80) {
            out = put_escaped(out, *at++);
            continue;
        }
        const std::size_t length = sequence_length(at, end);
        if (length == 0) {
            is_text = false;
            out = put(out, "\\ufffd");
            ++at;
        } else if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
            // Line and paragraph separator, which end a line of JavaScript.
            out = put(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
            at += 3;
        } else {
            std::memcpy(out, at, length);
            out += length;
            at += length;
        }
    }
    return out;
}

char* put_base64(char* out, std::string_view bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::size_t at = 0;
    const auto byte = [&](std::size_t index) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[index]));
    };
    for (; bytes.size() - at >= 3; at += 3) {
        const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        for (const int shift : {18, 12, 6, 0}) *out++ = digits[group >> shift & 63];
    }
    if (bytes.size() - at == 1) {
        const std::uint32_t group = byte(at) << 16;
        *out++ = digits[group >> 18 & 63];
        *out++ = digits[group >> 12 & 63];
        out = put(out, "==");
    } else if (bytes.size() - at == 2) {
        const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8;
        for (const int shift : {18, 12, 6}) *out++ = digits[group >> shift & 63];
        *out++ = '=';
    }
    return out;
}

std::string json_text(std::string_view text) {
    std::string room(text.size() * 6 + 16, '\0');
    bool is_text = true;
    room.resize(static_cast<std::size_t>(put_text(room.data(), text, is_text) - room.data()));
    return room;
}

} // namespace

record_encoder::record_encoder(const std::map<std::string, std::string>& attributes) {
    for (const auto& [name, value] : attributes) {
        attributes_ += attributes_.empty() ? ",\"attrs\":{\"" : ",\"";
        attributes_ += json_text(name) + "\":\"" + json_text(value) + "\"";
    }
    if (!attributes_.empty()) attributes_ += "}";
    suffix_size_limit_ = attributes_.size() + 256;
    set_time({});
}

void record_encoder::set_time(std::chrono::system_clock::time_point at) {
    time_ = ",\"time\":\"" + to_rfc3339(at) + "\"}\n";
    for (const std::size_t stream : {0, 1})
        for (const std::size_t newline : {0, 1}) {
            std::string& suffix = suffixes_[stream][newline];
            suffix = newline ? "\\n\"" : "\"";
            suffix += stream == 0 ? ",\"stream\":\"stdout\"" : ",\"stream\":\"stderr\"";
            suffix += attributes_;
            suffix += time_;
        }
}

void record_encoder::append(record_buffer& out, output_stream from, std::string_view line, bool has_newline) const {
    bool is_text = true;
    char* at = put(out.end(), record_begin);
    at = put_text(at, line, is_text);
    const std::string& suffix = suffixes_[from == output_stream::standard_output ? 0 : 1][has_newline ? 1 : 0];
    if (is_text) {
        at = put(at, suffix);
    } else {
        at = put(at, std::string_view{suffix}.substr(0, suffix.size() - time_.size()));
        at = put(at, ",\"raw\":\"");
        // The newline belongs to the bytes; three bytes at a time, it is encoded with the last of the line.
        if (has_newline) {
            std::string whole{line};
            whole += '\n';
            at = put_base64(at, whole);
        } else {
            at = put_base64(at, line);
        }
        at = put(at, "\"");
        at = put(at, time_);
    }
    out.grew_to(at);
}

} // namespace davit
