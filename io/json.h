#pragma once

#include <string>
#include <string_view>

#include "io/json_types.h"

namespace davit::io {

/// Reads a JSON text into a T. The semantics are those that users of the Docker API know: unknown members are ignored;
/// null leaves a member as it is (and empties an optional); members are matched by their exact name first, then
/// whatever their case; of a member given twice the last counts. `what` names the text in errors ("the manifest of
/// alpine"). Errors: invalid (not JSON, wrong type or out of range, with the path of the member; nested too deep).
template <class T> void parse_into(T& value, std::string_view text, std::string_view what, json_limits limits = {}) {
    read_json(text, what, &value, [](void* to, json_value& from) { read_as(from, *static_cast<T*>(to)); }, limits);
}

template <class T> T parse(std::string_view text, std::string_view what, json_limits limits = {}) {
    T value{};
    parse_into(value, text, what, limits);
    return value;
}

/// Appends compact JSON. Bytes that are not UTF-8 become U+FFFD; <, > and & stay as they are.
template <class T> void append_json(std::string& out, const T& value) {
    json_writer writer{out};
    write_as(writer, value);
}

template <class T> std::string to_json(const T& value) {
    std::string out;
    append_json(out, value);
    return out;
}

} // namespace davit::io
