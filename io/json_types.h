#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/fields.h"
#include "io/json_table.h"

namespace davit::io {

/// How a type looks as JSON. There is a form for bool, whole numbers, double, std::string, raw_json, std::optional,
/// std::vector, std::map with text keys, system_clock::time_point (RFC 3339), nanoseconds (a number), types with
/// fields_of, enumerations with names_of, and types with text_of. For a shape that none of them gives, specialise this
/// beside the type:
///     template <> struct json_form<one_or_many> {
///         static void read(json_value& from, one_or_many& to);
///         static void write(json_writer& to, const one_or_many& from);
///         static bool is_empty(const one_or_many& value);
///     };
template <class T> struct json_form;

template <class T>
concept has_own_json_form = requires(json_value& from, json_writer& to, T& value) {
    json_form<T>::read(from, value);
    json_form<T>::write(to, value);
    json_form<T>::is_empty(value);
};

/// The table of a type: `json_table<T>::value` is a json_type or one of its derived forms.
template <class T> struct json_table;

template <> struct json_table<bool> {
    static constexpr const json_type& value = json_bool;
};
template <> struct json_table<double> {
    static constexpr const json_type& value = json_double;
};
template <> struct json_table<std::string> {
    static constexpr const json_type& value = json_string;
};
template <> struct json_table<raw_json> {
    static constexpr const json_type& value = json_raw;
};
template <> struct json_table<std::chrono::system_clock::time_point> {
    static constexpr const json_type& value = json_time;
};
template <> struct json_table<std::chrono::nanoseconds> {
    static constexpr const json_type& value = json_nanoseconds;
};

template <std::signed_integral T> struct json_table<T> {
    static constexpr json_type value{
        [](const json_type&, json_value& from, void* to) {
            if (!from.is_null())
                *static_cast<T*>(to) =
                    static_cast<T>(from.integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
        },
        [](const json_type&, json_writer& to, const void* from) { to.integer(*static_cast<const T*>(from)); },
        [](const void* number) { return *static_cast<const T*>(number) == 0; }};
};

template <std::unsigned_integral T> struct json_table<T> {
    static constexpr json_type value{
        [](const json_type&, json_value& from, void* to) {
            if (!from.is_null())
                *static_cast<T*>(to) = static_cast<T>(from.unsigned_integer(std::numeric_limits<T>::max()));
        },
        [](const json_type&, json_writer& to, const void* from) { to.unsigned_integer(*static_cast<const T*>(from)); },
        [](const void* number) { return *static_cast<const T*>(number) == 0; }};
};

template <class E> struct json_table<std::vector<E>> {
    static_assert(!std::same_as<E, bool>, "std::vector<bool> has no elements that could be pointed at");
    using list = std::vector<E>;
    static constexpr json_list_type value{
        {read_list, write_list, [](const void* from) { return static_cast<const list*>(from)->empty(); }},
        &json_table<E>::value,
        [](void* to) { static_cast<list*>(to)->clear(); },
        [](void* to) -> void* { return &static_cast<list*>(to)->emplace_back(); },
        [](const void* from) { return static_cast<const list*>(from)->size(); },
        [](const void* from, std::size_t index) -> const void* { return &(*static_cast<const list*>(from))[index]; }};
};

template <class V, class Less> struct json_table<std::map<std::string, V, Less>> {
    using map = std::map<std::string, V, Less>;
    static constexpr json_map_type value{
        {read_map, write_map, [](const void* from) { return static_cast<const map*>(from)->empty(); }},
        &json_table<V>::value,
        [](void* to, std::string_view key) -> void* { return &(*static_cast<map*>(to))[std::string{key}]; },
        [](const void* from, void* context, json_map_type::visit call) {
            for (const auto& [key, mapped] : *static_cast<const map*>(from)) call(context, key, &mapped);
        }};
};

template <class V> struct json_table<std::optional<V>> {
    using optional = std::optional<V>;
    static constexpr json_optional_type value{
        {read_optional, write_optional,
         [](const void* from) { return !static_cast<const optional*>(from)->has_value(); }},
        &json_table<V>::value,
        [](void* to) -> void* { return &static_cast<optional*>(to)->emplace(); },
        [](void* to) { static_cast<optional*>(to)->reset(); },
        [](const void* from) -> const void* {
            const auto& held = *static_cast<const optional*>(from);
            return held ? &*held : nullptr;
        }};
};

template <described T> struct json_table<T> {
    using indices = std::make_index_sequence<fields_of<T>::list.size()>;

    template <std::size_t Index> static void* member(void* owner) {
        return &(static_cast<T*>(owner)->*field_at<Index>(fields_of<T>::list).member);
    }
    template <class Owner, class Member>
    static constexpr json_field entry(const field_description<Owner, Member>& field, void* (*address)(void*)) {
        return {field.name, &json_table<Member>::value, address, field.empty};
    }
    struct field_array {
        json_field at[indices::size() + 1]; // one more than there are, since an array can't be empty
    };
    template <std::size_t... Index> static constexpr field_array describe(std::index_sequence<Index...>) {
        return {{entry(field_at<Index>(fields_of<T>::list), &member<Index>)..., json_field{}}};
    }

    static constexpr field_array fields = describe(indices{});
    static constexpr json_object_type value{{read_object, write_object, nullptr}, fields.at, indices::size()};
};

template <named T> struct json_table<T> {
    static constexpr std::size_t count = names_of<T>::list.size();
    struct name_array {
        json_name at[count];
    };
    static constexpr name_array make_names() {
        name_array made{};
        for (std::size_t index = 0; index < count; ++index)
            made.at[index] = {names_of<T>::list[index].name, static_cast<long long>(names_of<T>::list[index].value)};
        return made;
    }

    static constexpr name_array names = make_names();
    static constexpr json_enum_type value{
        {read_enum, write_enum,
         [](const void* from) {
             for (const auto& name : names.at)
                 if (name.value == static_cast<long long>(*static_cast<const T*>(from))) return name.text.empty();
             return false;
         }},
        names.at,
        count,
        [](void* to, long long number) { *static_cast<T*>(to) = static_cast<T>(number); },
        [](const void* from) { return static_cast<long long>(*static_cast<const T*>(from)); }};
};

template <textual T> struct json_table<T> {
    static constexpr json_type value{
        [](const json_type&, json_value& from, void* to) {
            if (!from.is_null())
                read_text(from, to,
                          [](void* into, std::string_view text) { *static_cast<T*>(into) = text_of<T>::read(text); });
        },
        [](const json_type&, json_writer& to, const void* from) {
            to.string(text_of<T>::write(*static_cast<const T*>(from)));
        },
        [](const void* from) { return text_of<T>::write(*static_cast<const T*>(from)).empty(); }};
};

template <has_own_json_form T> struct json_table<T> {
    static constexpr json_type value{
        [](const json_type&, json_value& from, void* to) { json_form<T>::read(from, *static_cast<T*>(to)); },
        [](const json_type&, json_writer& to, const void* from) {
            json_form<T>::write(to, *static_cast<const T*>(from));
        },
        [](const void* from) { return json_form<T>::is_empty(*static_cast<const T*>(from)); }};
};

/// For the forms that types bring themselves: reads or writes a value of any supported type in place.
template <class T> void read_as(json_value& from, T& to) {
    json_table<T>::value.read(json_table<T>::value, from, &to);
}
template <class T> void write_as(json_writer& to, const T& from) {
    json_table<T>::value.write(json_table<T>::value, to, &from);
}

} // namespace davit::io
