#include "modules/logs/json_file/record_decoder.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/rfc3339.h"
#include "io/json.h"

namespace davit {

namespace {

using signed_block = signed char __attribute__((vector_size(16)));
using word_pair = std::uint64_t __attribute__((vector_size(16)));

struct parsed_record {
    std::string log;
    std::string stream;
    std::string raw;
    std::string time;
};

/// Copies the text of a JSON string up to its closing quote; returns what follows the quote, nothing when the string is
/// not closed or holds an escape that is none.
std::optional<std::string_view> read_text(std::string_view from, std::string& to);

bool take(std::string_view& from, std::string_view expected) {
    if (!from.starts_with(expected)) return false;
    from.remove_prefix(expected.size());
    return true;
}

bool append_code_point(std::string& to, std::uint32_t code) {
    if (code < 0x80) {
        to += static_cast<char>(code);
    } else if (code < 0x800) {
        to += static_cast<char>(0xc0 | code >> 6);
        to += static_cast<char>(0x80 | (code & 63));
    } else if (code >= 0xd800 && code < 0xe000) {
        return false; // a pair; nobody writes one here, and the slow way knows them
    } else {
        to += static_cast<char>(0xe0 | code >> 12);
        to += static_cast<char>(0x80 | (code >> 6 & 63));
        to += static_cast<char>(0x80 | (code & 63));
    }
    return true;
}

std::optional<std::uint32_t> read_hex(std::string_view digits) {
    std::uint32_t value = 0;
    if (digits.size() < 4) return std::nullopt;
    for (const char c : digits.substr(0, 4)) {
        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= static_cast<std::uint32_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
            value |= static_cast<std::uint32_t>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value |= static_cast<std::uint32_t>(c - 'A' + 10);
        else
            return std::nullopt;
    }
    return value;
}

/// The length of the run at the beginning that holds neither a quote nor a backslash.
std::size_t plain_run(std::string_view text) {
    std::size_t at = 0;
    for (; text.size() - at >= 16; at += 16) {
        signed_block block;
        std::memcpy(&block, text.data() + at, sizeof block);
        const auto words = reinterpret_cast<word_pair>((block == '"') | (block == '\\'));
        if ((words[0] | words[1]) != 0) break;
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\') ++at;
    return at;
}

std::optional<std::string_view> read_text(std::string_view from, std::string& to) {
    for (;;) {
        const std::size_t run = plain_run(from);
        to.append(from.data(), run);
        from.remove_prefix(run);
        if (from.empty()) return std::nullopt;
        if (from.front() == '"') return from.substr(1);
        if (from.size() < 2) return std::nullopt;
        const char escaped = from[1];
        from.remove_prefix(2);
        switch (escaped) {
        case 'n':
            to += '\n';
            break;
        case 'r':
            to += '\r';
            break;
        case 't':
            to += '\t';
            break;
        case 'b':
            to += '\b';
            break;
        case 'f':
            to += '\f';
            break;
        case '"':
        case '\\':
        case '/':
            to += escaped;
            break;
        case 'u': {
            const auto code = read_hex(from);
            if (!code || !append_code_point(to, *code)) return std::nullopt;
            from.remove_prefix(4);
            break;
        }
        default:
            return std::nullopt;
        }
    }
}

bool append_base64(std::string& to, std::string_view text) {
    constexpr auto values = [] {
        std::array<signed char, 256> table{};
        table.fill(-1);
        constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (std::size_t i = 0; i < digits.size(); ++i)
            table[static_cast<unsigned char>(digits[i])] = static_cast<signed char>(i);
        return table;
    }();
    while (text.ends_with('=')) text.remove_suffix(1);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const signed char value = values[static_cast<unsigned char>(c)];
        if (value < 0) return false;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            to += static_cast<char>(bits >> count & 0xff);
        }
    }
    return true;
}

} // namespace

template <> struct fields_of<parsed_record> {
    using self = parsed_record;
    static constexpr auto list = field_list{field("log", &self::log), field("stream", &self::stream),
                                            field("raw", &self::raw), field("time", &self::time)};
};

bool record_decoder::decode(std::string_view records, log_batch& into) {
    while (!records.empty()) {
        const void* newline = std::memchr(records.data(), '\n', records.size());
        if (!newline) return true;
        const auto length = static_cast<std::size_t>(static_cast<const char*>(newline) - records.data());
        if (!decode_record(records.substr(0, length), into)) return false;
        records.remove_prefix(length + 1);
    }
    return true;
}

bool record_decoder::decode_record(std::string_view record, log_batch& into) {
    const std::size_t begin = into.bytes.size();
    output_stream from = output_stream::standard_output;
    if (!decode_fast(record, into, from)) {
        into.bytes.resize(begin);
        if (!decode_slowly(record, into, from)) {
            into.bytes.resize(begin);
            return true;
        }
    }
    if (query_.until && time_ > *query_.until) {
        into.bytes.resize(begin);
        return false;
    }
    const bool is_wanted = (from == output_stream::standard_output ? query_.standard_output : query_.standard_error) &&
                           (!query_.since || time_ >= *query_.since);
    if (!is_wanted)
        into.bytes.resize(begin);
    else
        into.messages.push_back(
            {from, time_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(into.bytes.size() - begin)});
    return true;
}

bool record_decoder::decode_fast(std::string_view record, log_batch& into, output_stream& from) {
    if (!take(record, "{\"log\":\"")) return false;
    const std::size_t begin = into.bytes.size();
    auto rest = read_text(record, into.bytes);
    if (!rest || !take(*rest, ",\"stream\":\"std")) return false;
    if (take(*rest, "out\""))
        from = output_stream::standard_output;
    else if (take(*rest, "err\""))
        from = output_stream::standard_error;
    else
        return false;
    if (take(*rest, ",\"raw\":\"")) {
        const auto quote = rest->find('"');
        if (quote == std::string_view::npos) return false;
        into.bytes.resize(begin);
        if (!append_base64(into.bytes, rest->substr(0, quote))) return false;
        rest->remove_prefix(quote + 1);
    }
    if (!take(*rest, ",\"time\":\"") || !rest->ends_with("\"}")) return false;
    return read_time(rest->substr(0, rest->size() - 2));
}

bool record_decoder::decode_slowly(std::string_view record, log_batch& into, output_stream& from) {
    parsed_record parsed;
    try {
        parsed = io::parse<parsed_record>(record, "a log record");
    } catch (const error&) {
        return false; // cut off by a crash of the host, or not a record at all
    }
    from = parsed.stream == "stderr" ? output_stream::standard_error : output_stream::standard_output;
    if (parsed.raw.empty())
        into.bytes += parsed.log;
    else if (!append_base64(into.bytes, parsed.raw))
        return false;
    return read_time(parsed.time);
}

bool record_decoder::read_time(std::string_view text) {
    if (text == time_text_) return true;
    const auto read = parse_rfc3339(text);
    if (!read) return false;
    time_ = *read;
    time_text_ = text;
    return true;
}

} // namespace davit
