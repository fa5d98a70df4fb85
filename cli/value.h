#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/json.h"

namespace davit::cli {

/// Any JSON value, for what users look into with --format: objects keep the order of their keys.
class value {
  public:
    using list = std::vector<value>;
    using object = std::vector<std::pair<std::string, value>>;
    /// A number keeps its text when it is no whole number of 64 bits.
    struct number {
        std::string text;
        bool operator==(const number&) const = default;
    };

    value() = default;
    value(bool held) : held_{held} {}
    value(std::int64_t held) : held_{held} {}
    value(std::string held) : held_{std::move(held)} {}
    value(const char* held) : held_{std::string{held}} {}
    value(number held) : held_{std::move(held)} {}
    value(list held) : held_{std::move(held)} {}
    value(object held) : held_{std::move(held)} {}

    /// Errors: invalid (not JSON).
    static value parse(std::string_view json, std::string_view what);
    std::string to_json() const;
    /// As Docker prints JSON for people: four blanks a level.
    std::string to_pretty_json(std::size_t level = 0) const;

    bool is_null() const noexcept { return std::holds_alternative<std::monostate>(held_); }
    const bool* as_bool() const noexcept { return std::get_if<bool>(&held_); }
    const std::int64_t* as_integer() const noexcept { return std::get_if<std::int64_t>(&held_); }
    const number* as_number() const noexcept { return std::get_if<number>(&held_); }
    const std::string* as_string() const noexcept { return std::get_if<std::string>(&held_); }
    const list* as_list() const noexcept { return std::get_if<list>(&held_); }
    const object* as_object() const noexcept { return std::get_if<object>(&held_); }

    /// The member of that name; null when this is no object or has none.
    const value* find(std::string_view key) const noexcept;
    /// The same, or else one whose name differs in case only: JSON says "ApiVersion" or "id" where Go says APIVersion,
    /// ID.
    const value* find_in_any_case(std::string_view key) const noexcept;
    /// Adds a member; this must be an object or null.
    void set(std::string key, value member);

    /// As Go's fmt prints it with %v: texts plain, lists [a b], objects map[k:v] by key, nothing <nil>.
    std::string to_text() const;
    /// Go's templates: false, 0, "", empty lists and objects, and nothing are false.
    bool is_true() const noexcept;

    bool operator==(const value&) const = default;

  private:
    void append_json(io::json_writer& to) const;
    friend io::json_form<value>;

    std::variant<std::monostate, bool, std::int64_t, number, std::string, list, object> held_;
};

} // namespace davit::cli

template <> struct davit::io::json_form<davit::cli::value> {
    static void read(json_value& from, cli::value& to);
    static void write(json_writer& to, const cli::value& from);
    static bool is_empty(const cli::value& held) { return held.is_null(); }
};
