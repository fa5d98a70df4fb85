#include "cli/value.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "core/error.h"

namespace davit::cli {

namespace {

value read_number(std::string_view text) {
    std::int64_t whole = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (failed == std::errc{} && end == text.data() + text.size()) return whole;
    return value::number{std::string{text}};
}

/// The JSON form of a single text, number or word.
std::string atom(const value& held) {
    return held.to_json();
}

} // namespace

value value::parse(std::string_view json, std::string_view what) {
    return io::parse<value>(json, what);
}

std::string value::to_json() const {
    std::string out;
    io::json_writer writer{out};
    append_json(writer);
    return out;
}

void value::append_json(io::json_writer& to) const {
    if (const auto* text = as_string()) {
        to.string(*text);
    } else if (const auto* whole = as_integer()) {
        to.integer(*whole);
    } else if (const auto* other = as_number()) {
        to.raw(other->text);
    } else if (const auto* truth = as_bool()) {
        to.boolean(*truth);
    } else if (const auto* elements = as_list()) {
        to.begin_array();
        for (const value& element : *elements) element.append_json(to);
        to.end_array();
    } else if (const auto* members = as_object()) {
        to.begin_object();
        for (const auto& [key, member] : *members) {
            to.key(key);
            member.append_json(to);
        }
        to.end_object();
    } else {
        to.null();
    }
}

std::string value::to_pretty_json(std::size_t level) const {
    const std::string inner((level + 1) * 4, ' ');
    const std::string outer(level * 4, ' ');
    std::string out;
    if (const auto* elements = as_list(); elements && !elements->empty()) {
        for (const value& element : *elements)
            out += (out.empty() ? "[\n" : ",\n") + inner + element.to_pretty_json(level + 1);
        return out + "\n" + outer + "]";
    }
    if (const auto* members = as_object(); members && !members->empty()) {
        for (const auto& [key, member] : *members)
            out += (out.empty() ? "{\n" : ",\n") + inner + atom(key) + ": " + member.to_pretty_json(level + 1);
        return out + "\n" + outer + "}";
    }
    return to_json();
}

const value* value::find(std::string_view key) const noexcept {
    if (const auto* members = as_object())
        for (const auto& [name, member] : *members)
            if (name == key) return &member;
    return nullptr;
}

const value* value::find_in_any_case(std::string_view key) const noexcept {
    if (const value* exact = find(key)) return exact;
    const auto is_same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    if (const auto* members = as_object())
        for (const auto& [name, member] : *members)
            if (std::equal(name.begin(), name.end(), key.begin(), key.end(), is_same)) return &member;
    return nullptr;
}

void value::set(std::string key, value member) {
    if (is_null()) held_ = object{};
    std::get<object>(held_).emplace_back(std::move(key), std::move(member));
}

std::string value::to_text() const {
    if (const auto* text = as_string()) return *text;
    if (const auto* whole = as_integer()) return std::to_string(*whole);
    if (const auto* other = as_number()) return other->text;
    if (const auto* truth = as_bool()) return *truth ? "true" : "false";
    std::string out;
    if (const auto* elements = as_list()) {
        for (const value& element : *elements) out += " " + element.to_text();
        return "[" + (out.empty() ? out : out.substr(1)) + "]";
    }
    if (const auto* members = as_object()) {
        const std::map<std::string, value> sorted(members->begin(), members->end());
        for (const auto& [key, member] : sorted) out += (out.empty() ? "" : " ") + key + ":" + member.to_text();
        return "map[" + out + "]";
    }
    return "<nil>";
}

bool value::is_true() const noexcept {
    if (const auto* text = as_string()) return !text->empty();
    if (const auto* whole = as_integer()) return *whole != 0;
    if (const auto* other = as_number()) return other->text != "0" && other->text != "0.0";
    if (const auto* truth = as_bool()) return *truth;
    if (const auto* elements = as_list()) return !elements->empty();
    if (const auto* members = as_object()) return !members->empty();
    return false;
}

} // namespace davit::cli

namespace davit::io {

void json_form<cli::value>::read(json_value& from, cli::value& to) {
    switch (from.kind()) {
    case json_kind::null:
        to = {};
        break;
    case json_kind::boolean:
        to = from.boolean();
        break;
    case json_kind::number:
        to = cli::read_number(from.raw());
        break;
    case json_kind::string:
        to = std::string{from.string()};
        break;
    case json_kind::array: {
        cli::value::list elements;
        from.each_element([&](json_value& element) { read(element, elements.emplace_back()); });
        to = std::move(elements);
        break;
    }
    case json_kind::object: {
        cli::value::object members;
        from.each_field([&](std::string_view key, json_value& member) {
            read(member, members.emplace_back(std::string{key}, cli::value{}).second);
        });
        to = std::move(members);
        break;
    }
    }
}

void json_form<cli::value>::write(json_writer& to, const cli::value& from) {
    from.append_json(to);
}

} // namespace davit::io
