#include "io/tar_headers.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "core/error.h"

namespace davit::io {
namespace {

constexpr std::size_t block_size = 512;
// Places in a header block (POSIX ustar, which every format shares this far).
constexpr std::size_t size_at = 124;
constexpr std::size_t size_length = 12;
constexpr std::size_t type_at = 156;

[[noreturn]] void refuse(std::string_view why) {
    throw error(errc::invalid, "{}", why);
}

/// The size field of a header in front of names: octal digits, or GNU's base-256 with the first bit set.
std::size_t body_size(std::string_view header) {
    const auto field = header.substr(size_at, size_length);
    std::uint64_t value = 0;
    if ((field[0] & 0x80) != 0) {
        for (const char c : field.substr(1)) {
            if (value > UINT64_MAX >> 8) refuse("an extended header has no valid size");
            value = value << 8 | static_cast<unsigned char>(c);
        }
        return value;
    }
    const auto first = field.find_first_not_of(' ');
    for (const char c : field.substr(first == std::string_view::npos ? field.size() : first)) {
        if (c < '0' || c > '7') break;
        value = value << 3 | static_cast<unsigned>(c - '0');
    }
    return value;
}

bool is_whole_number(std::string_view text, std::int64_t most) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size() && value >= 0 && value <= most;
}

/// Numbers any two of which have a sum.
bool is_list_of_numbers(std::string_view text) {
    while (true) {
        const auto comma = text.find(',');
        if (!is_whole_number(text.substr(0, comma), INT64_MAX / 2)) return false;
        if (comma == std::string_view::npos) return true;
        text.remove_prefix(comma + 1);
    }
}

void check_pax_record(std::string_view key, std::string_view value, tar_header_facts& facts) {
    const bool may_hold_nul = key.starts_with("SCHILY.xattr.") || key.starts_with("RHT.security.");
    if (key.find('\0') != std::string_view::npos || (!may_hold_nul && value.find('\0') != std::string_view::npos))
        refuse("a name holds a NUL byte");
    if (key == "size" && !is_whole_number(value, INT64_MAX)) refuse("its size is negative or no number");
    if (key.starts_with("GNU.sparse.") && key != "GNU.sparse.name" && !is_list_of_numbers(value))
        refuse("its sparse map is negative or no number");
    if (key == "linkpath") facts.link = value;
}

/// Records of the form "<length of all of it> <key>=<value>\n".
void check_pax_records(std::string_view body, tar_header_facts& facts) {
    while (!body.empty()) {
        std::size_t length = 0;
        const auto [end, code] = std::from_chars(body.data(), body.data() + body.size(), length);
        const auto digits = static_cast<std::size_t>(end - body.data());
        if (code != std::errc{} || length > body.size() || digits + 2 > length || *end != ' ' ||
            body[length - 1] != '\n')
            refuse("a pax record is malformed");
        const auto record = body.substr(digits + 1, length - digits - 2);
        const auto equals = record.find('=');
        if (equals == 0 || equals == std::string_view::npos) refuse("a pax record is malformed");
        check_pax_record(record.substr(0, equals), record.substr(equals + 1), facts);
        body.remove_prefix(length);
    }
}

/// GNU's long names end with NUL bytes and have none before.
void check_long_name(std::string_view body) {
    const auto end = body.find('\0');
    if (end != std::string_view::npos && body.find_first_not_of('\0', end) != std::string_view::npos)
        refuse("a name holds a NUL byte");
}

bool is_extended(char type) {
    return type != '\0' && std::string_view{"xgXLKVA"}.find(type) != std::string_view::npos;
}

std::string_view text_of_bytes(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Calls `visit(type, body)` for each extended header; what follows them, from the entry's own header on.
template <class Visit> std::string_view over_extended_headers(std::string_view rest, Visit visit) {
    while (rest.size() >= block_size && is_extended(rest[type_at])) {
        const auto size = body_size(rest.substr(0, block_size));
        visit(rest[type_at], size, rest.substr(block_size, size));
        if (size >= rest.size()) return {};
        const auto padded = (size + block_size - 1) / block_size * block_size;
        rest.remove_prefix(std::min(block_size + padded, rest.size()));
    }
    return rest;
}

} // namespace

tar_header_facts check_tar_headers(std::span<const std::byte> bytes, std::size_t most) {
    tar_header_facts facts;
    const auto check = [&](char type, std::size_t size, std::string_view body) {
        if (size > most) throw error(errc::too_large, "one of its headers is over {} bytes, which is the limit", most);
        if (size != body.size()) refuse("an extended header is cut off");
        if (type == 'x' || type == 'X') check_pax_records(body, facts);
        if (tar_header_facts of_all; type == 'g') check_pax_records(body, of_all);
        if (type == 'L' || type == 'K') check_long_name(body);
        if (type == 'K') facts.link = body.substr(0, body.find('\0'));
    };
    const auto own = over_extended_headers(text_of_bytes(bytes), check);
    if (own.size() < block_size) refuse("an extended header without its entry");
    facts.type = own[type_at];
    return facts;
}

std::string_view name_in_tar_headers(std::span<const std::byte> bytes) {
    constexpr std::size_t name_length = 100;
    const auto own = over_extended_headers(text_of_bytes(bytes), [](char, std::size_t, std::string_view) {});
    const auto name = own.substr(0, name_length);
    return name.substr(0, name.find('\0'));
}

} // namespace davit::io
