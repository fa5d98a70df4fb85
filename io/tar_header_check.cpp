#include "io/tar_header_check.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/error.h"
#include "io/tar_header.h"

namespace davit::io {
namespace {

[[noreturn]] void refuse(std::string_view why) {
    throw error(errc::invalid, "{}", why);
}

/// Numbers any two of which have a sum.
bool is_list_of_numbers(std::string_view text) {
    while (true) {
        const auto comma = text.find(',');
        const auto number = pax_number(text.substr(0, comma));
        if (!number || *number > INT64_MAX / 2) return false;
        if (comma == std::string_view::npos) return true;
        text.remove_prefix(comma + 1);
    }
}

void check_pax_record(std::string_view key, std::string_view value, tar_header_facts& facts) {
    const bool may_hold_nul = key.starts_with("SCHILY.xattr.") || key.starts_with("RHT.security.");
    if (key.find('\0') != std::string_view::npos || (!may_hold_nul && value.find('\0') != std::string_view::npos))
        refuse("a name holds a NUL byte");
    if (key == "size" && !pax_number(value)) refuse("its size is negative or no number");
    if (key.starts_with("GNU.sparse.") && key != "GNU.sparse.name" && !is_list_of_numbers(value))
        refuse("its sparse map is negative or no number");
    if (key == "linkpath") facts.link = value;
}

void check_pax_records(std::string_view body, tar_header_facts& facts) {
    pax_records records;
    if (!append_pax_records(body, records)) refuse("a pax record is malformed");
    for (const auto& [key, value] : records) check_pax_record(key, value, facts);
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

/// Calls `visit(type, size, body)` for each extended header, whose size is nothing when it is no number; what follows
/// them, from the entry's own header on.
template <class Visit> std::string_view over_extended_headers(std::string_view rest, Visit visit) {
    using namespace tar_layout;
    while (rest.size() >= block_size && is_extended(rest[type_at])) {
        const auto told = tar_number(rest.substr(size_at, long_size));
        const auto size = static_cast<std::size_t>(told.value_or(-1)); // a negative one is more than there ever is
        const auto body = rest.substr(block_size, size);
        visit(rest[type_at], told, body);
        if (size >= rest.size()) return {};
        const auto padded = (size + block_size - 1) / block_size * block_size;
        rest.remove_prefix(std::min(block_size + padded, rest.size()));
    }
    return rest;
}

} // namespace

tar_header_facts check_tar_headers(std::span<const std::byte> bytes, std::size_t most) {
    tar_header_facts facts;
    const auto check = [&](char type, std::optional<std::int64_t> told, std::string_view body) {
        if (!told || *told < 0) refuse("an extended header has no valid size");
        const auto size = static_cast<std::size_t>(*told);
        if (size > most) throw error(errc::too_large, "one of its headers is over {} bytes, which is the limit", most);
        if (size != body.size()) refuse("an extended header is cut off");
        if (type == 'x' || type == 'X') check_pax_records(body, facts);
        if (tar_header_facts of_all; type == 'g') check_pax_records(body, of_all);
        if (type == 'L' || type == 'K') check_long_name(body);
        if (type == 'K') facts.link = body.substr(0, body.find('\0'));
    };
    const auto own = over_extended_headers(text_of_bytes(bytes), check);
    if (own.size() < tar_layout::block_size) refuse("an extended header without its entry");
    facts.type = own[tar_layout::type_at];
    return facts;
}

std::string_view name_in_tar_headers(std::span<const std::byte> bytes) {
    const auto own = over_extended_headers(text_of_bytes(bytes), [](auto...) {});
    return tar_text(own.substr(tar_layout::name_at, tar_layout::name_size));
}

} // namespace davit::io
