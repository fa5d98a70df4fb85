#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>

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

/// The one description of a type's fields, from which reading and writing both follow. Specialise it beside the type:
///
///     template <> struct fields_of<port> {
///         static constexpr auto list = std::tuple{field("IP", &port::ip, when_empty::omit), …};
///     };
///
/// Which forms exist is the reader's and writer's business (io/json.h); here is only the vocabulary.
template <class T> struct fields_of;

template <class T>
concept described = requires { fields_of<T>::list; };

/// The names of an enumeration's values on the wire. Specialise with
///     static constexpr auto list = std::array{name_of_value{restart_mode::always, "always"}, …};
template <class T> struct names_of;

template <class T> struct named_value {
    T value;
    std::string_view name;
};

template <class T>
concept named = requires { names_of<T>::list; };

} // namespace davit
