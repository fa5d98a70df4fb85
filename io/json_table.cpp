#include "io/json_table.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "core/error.h"
#include "core/rfc3339.h"

namespace davit::io {
namespace {

using time_point = std::chrono::system_clock::time_point;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

/// The field for a key: by its exact name, else whatever its case. Keys mostly come in the order of the fields, so the
/// search begins at `expected`, the place after the last one found.
const json_field* find_field(const json_object_type& type, std::string_view key, std::size_t& expected) {
    for (std::size_t step = 0; step < type.count; ++step) {
        const auto at = (expected + step) % type.count;
        if (type.fields[at].name == key) {
            expected = at + 1;
            return &type.fields[at];
        }
    }
    for (std::size_t at = 0; at < type.count; ++at)
        if (is_same_ignoring_case(type.fields[at].name, key)) return &type.fields[at];
    return nullptr;
}

} // namespace

void read_object(const json_type& self, json_value& from, void* to) {
    if (from.is_null()) return;
    const auto& type = static_cast<const json_object_type&>(self);
    std::size_t expected = 0;
    from.each_field([&](std::string_view key, json_value& value) {
        const auto* field = find_field(type, key, expected);
        if (field == nullptr) return;
        value.call_it(field->name);
        field->type->read(*field->type, value, field->member(to));
    });
}

void write_object(const json_type& self, json_writer& to, const void* from) {
    const auto& type = static_cast<const json_object_type&>(self);
    to.begin_object();
    for (std::size_t at = 0; at < type.count; ++at) {
        const auto& field = type.fields[at];
        const void* member = field.member(const_cast<void*>(from)); // only looked at
        const bool is_empty =
            field.empty != when_empty::write && field.type->is_empty != nullptr && field.type->is_empty(member);
        if (is_empty && field.empty == when_empty::omit) continue;
        to.key(field.name);
        if (is_empty)
            to.null();
        else
            field.type->write(*field.type, to, member);
    }
    to.end_object();
}

void read_list(const json_type& self, json_value& from, void* to) {
    if (from.is_null()) return;
    const auto& type = static_cast<const json_list_type&>(self);
    bool is_cleared = false;
    from.each_element([&](json_value& value) {
        if (!is_cleared) type.clear(to);
        is_cleared = true;
        type.element->read(*type.element, value, type.append(to));
    });
    if (!is_cleared) type.clear(to);
}

void write_list(const json_type& self, json_writer& to, const void* from) {
    const auto& type = static_cast<const json_list_type&>(self);
    to.begin_array();
    for (std::size_t at = 0, size = type.size(from); at < size; ++at)
        type.element->write(*type.element, to, type.at(from, at));
    to.end_array();
}

void read_map(const json_type& self, json_value& from, void* to) {
    if (from.is_null()) return;
    const auto& type = static_cast<const json_map_type&>(self);
    from.each_field(
        [&](std::string_view key, json_value& value) { type.value->read(*type.value, value, type.at(to, key)); });
}

void write_map(const json_type& self, json_writer& to, const void* from) {
    const auto& type = static_cast<const json_map_type&>(self);
    struct context {
        json_writer& to;
        const json_type& value;
    } writing{to, *type.value};
    to.begin_object();
    type.each(from, &writing, [](void* opaque, std::string_view key, const void* value) {
        auto& in = *static_cast<context*>(opaque);
        in.to.key(key);
        in.value.write(in.value, in.to, value);
    });
    to.end_object();
}

void read_optional(const json_type& self, json_value& from, void* to) {
    const auto& type = static_cast<const json_optional_type&>(self);
    if (from.is_null())
        type.reset(to);
    else
        type.value->read(*type.value, from, type.emplace(to));
}

void write_optional(const json_type& self, json_writer& to, const void* from) {
    const auto& type = static_cast<const json_optional_type&>(self);
    if (const void* value = type.get(from))
        type.value->write(*type.value, to, value);
    else
        to.null();
}

void read_enum(const json_type& self, json_value& from, void* to) {
    if (from.is_null()) return;
    const auto& type = static_cast<const json_enum_type&>(self);
    const std::span names{type.names, type.count};
    const auto text = from.string();
    const auto found = std::ranges::find(names, text, &json_name::text);
    if (found != names.end()) return type.set(to, found->value);
    std::string known;
    for (const auto& name : names) known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", name.text);
    from.refuse(fmt::format("expected one of {}, found \"{}\"", known, text.substr(0, 64)));
}

void write_enum(const json_type& self, json_writer& to, const void* from) {
    const auto& type = static_cast<const json_enum_type&>(self);
    const std::span names{type.names, type.count};
    const auto found = std::ranges::find(names, type.get(from), &json_name::value);
    if (found == names.end()) throw error(errc::internal, "a value of an enumeration has no name on the wire");
    to.string(found->text);
}

void read_text(json_value& from, void* to, void (*assign)(void* to, std::string_view text)) {
    const auto text = from.string();
    try {
        assign(to, text);
    } catch (const error& refused) {
        from.refuse(refused.text());
    }
}

constexpr json_type json_bool{
    [](const json_type&, json_value& from, void* to) {
        if (!from.is_null()) *static_cast<bool*>(to) = from.boolean();
    },
    [](const json_type&, json_writer& to, const void* from) { to.boolean(*static_cast<const bool*>(from)); },
    [](const void* value) { return !*static_cast<const bool*>(value); }};

constexpr json_type json_double{
    [](const json_type&, json_value& from, void* to) {
        if (!from.is_null()) *static_cast<double*>(to) = from.number();
    },
    [](const json_type&, json_writer& to, const void* from) { to.number(*static_cast<const double*>(from)); },
    [](const void* value) { return *static_cast<const double*>(value) == 0; }};

constexpr json_type json_string{
    [](const json_type&, json_value& from, void* to) {
        if (!from.is_null()) *static_cast<std::string*>(to) = from.string();
    },
    [](const json_type&, json_writer& to, const void* from) { to.string(*static_cast<const std::string*>(from)); },
    [](const void* value) { return static_cast<const std::string*>(value)->empty(); }};

constexpr json_type json_raw{
    [](const json_type&, json_value& from, void* to) { static_cast<raw_json*>(to)->text = from.raw(); },
    [](const json_type&, json_writer& to, const void* from) { to.raw(static_cast<const raw_json*>(from)->text); },
    [](const void* value) { return static_cast<const raw_json*>(value)->text.empty(); }};

constexpr json_type json_time{
    [](const json_type&, json_value& from, void* to) {
        if (from.is_null()) return;
        const auto text = from.string();
        const auto moment = parse_rfc3339(text);
        if (!moment) from.refuse(fmt::format("expected a time as in RFC 3339, found \"{}\"", text.substr(0, 64)));
        *static_cast<time_point*>(to) = *moment;
    },
    [](const json_type&, json_writer& to, const void* from) {
        to.string(to_rfc3339(*static_cast<const time_point*>(from)));
    },
    [](const void* value) { return *static_cast<const time_point*>(value) == time_point{}; }};

constexpr json_type json_nanoseconds{
    [](const json_type&, json_value& from, void* to) {
        using limits = std::numeric_limits<std::int64_t>;
        if (!from.is_null())
            *static_cast<std::chrono::nanoseconds*>(to) =
                std::chrono::nanoseconds{from.integer(limits::min(), limits::max())};
    },
    [](const json_type&, json_writer& to, const void* from) {
        to.integer(static_cast<const std::chrono::nanoseconds*>(from)->count());
    },
    [](const void* value) { return static_cast<const std::chrono::nanoseconds*>(value)->count() == 0; }};

} // namespace davit::io
