#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace davit {

/// How a field is written when it holds its type's empty value (0, false, "", no elements, no value).
enum class when_empty : unsigned char {
    write, ///< Written as it is: 0, false, "", [], {}; an empty optional is written as null.
    omit,  ///< The key is left out.
    null,  ///< Written as null (what the Docker API does for some lists).
};

/// One field of a described type: its name on the wire and the member that holds it.
template <class Owner, class Member> struct field_description {
    std::string_view name;
    Member Owner::* member;
    when_empty empty;
};

template <class Owner, class Member> constexpr field_description<Owner, Member>
field(std::string_view name, Member Owner::* member, when_empty empty = when_empty::write) {
    return {name, member, empty};
}

namespace detail {

template <std::size_t Index, class Field> struct listed_field {
    Field value;
};

template <class Indices, class... Fields> struct listed_fields;
template <std::size_t... Index, class... Fields> struct listed_fields<std::index_sequence<Index...>, Fields...>
    : listed_field<Index, Fields>... {};

} // namespace detail

/// The field of that number, from 0, of a field_list.
template <std::size_t Index, class Field>
constexpr const Field& field_at(const detail::listed_field<Index, Field>& list) {
    return list.value;
}

/// The descriptions of a type's fields, in their order. (A std::tuple of fifty costs every source that sees it most of
/// a second to compile.)
template <class... Fields> struct field_list : detail::listed_fields<std::index_sequence_for<Fields...>, Fields...> {
    using numbers = std::index_sequence_for<Fields...>;

    constexpr field_list(const Fields&... of) : detail::listed_fields<numbers, Fields...>{{of}...} {}

    static constexpr std::size_t size() noexcept { return sizeof...(Fields); }

    template <class Visit> constexpr void each(Visit visit) const { visit_each(visit, numbers{}); }

    template <class... More>
    constexpr field_list<Fields..., More...> followed_by(const field_list<More...>& more) const {
        return join(more, numbers{}, typename field_list<More...>::numbers{});
    }

  private:
    template <class Visit, std::size_t... Index>
    constexpr void visit_each(Visit& visit, std::index_sequence<Index...>) const {
        (visit(field_at<Index>(*this)), ...);
    }
    template <class... More, std::size_t... Own, std::size_t... Other> constexpr field_list<Fields..., More...>
    join(const field_list<More...>& more, std::index_sequence<Own...>, std::index_sequence<Other...>) const {
        return {field_at<Own>(*this)..., field_at<Other>(more)...};
    }
};

/// The one description of a type's fields, from which reading and writing both follow. Specialise it beside the type:
///
///     template <> struct fields_of<port> {
///         static constexpr auto list = field_list{field("IP", &port::ip, when_empty::omit), …};
///     };
///
/// Which forms exist is the reader's and writer's business (io/json.h); here is only the vocabulary.
template <class T> struct fields_of;

template <class T>
concept described = requires { fields_of<T>::list; };

/// The names of an enumeration's values on the wire. Specialise with
///     static constexpr auto list = std::array{named_value{restart_mode::always, "always"}, …};
template <class T> struct names_of;

template <class T> struct named_value {
    T value;
    std::string_view name;
};

template <class T>
concept named = requires { names_of<T>::list; };

/// A type that is a string on the wire (a digest, an image reference). Specialise with
///     static std::string write(const T&);        // an empty text counts as the type's empty value
///     static T read(std::string_view text);      // throws error with errc::invalid
template <class T> struct text_of;

template <class T>
concept textual = requires(const T& value, std::string_view text) {
    text_of<T>::write(value);
    text_of<T>::read(text);
};

/// A value that is kept and passed on exactly as it was written, whatever it is. Empty text stands for null.
struct raw_json {
    std::string text;

    bool operator==(const raw_json&) const = default;
};

/// The value {} of a set that is written as an object ("ExposedPorts": {"80/tcp": {}}).
struct empty_object {
    bool operator==(const empty_object&) const = default;
};

template <> struct fields_of<empty_object> {
    static constexpr field_list<> list{};
};

} // namespace davit
