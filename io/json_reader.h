#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace davit::io {

/// Bounds on a JSON text that is read.
struct json_limits {
    unsigned depth = 64; ///< How deep arrays and objects may nest, the outermost counted.
};

enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

/// One value of a JSON text while it is being read, front to back. Read it once, with the function for its kind; a
/// value of another kind is refused with errc::invalid and a sentence that begins with what is read and the value's
/// path
/// ("container: HostConfig.PortBindings[2].HostPort: expected a string, found a number").
/// A value that a callback leaves unread is checked and skipped. Texts handed out live until the whole read ends.
class json_value {
  public:
    json_value(const json_value&) = delete;
    json_value& operator=(const json_value&) = delete;

    json_kind kind();
    bool is_null() { return kind() == json_kind::null; }

    bool boolean();
    /// A whole number without fraction or exponent, within the range given.
    std::int64_t integer(std::int64_t least, std::int64_t most);
    std::uint64_t unsigned_integer(std::uint64_t most);
    double number();
    std::string_view string();
    /// The value exactly as it stands in the text, checked to be JSON.
    std::string_view raw();

    /// Calls `visit(std::string_view key, json_value&)` for every member, in the order of the text.
    template <class Visit> void each_field(Visit&& visit) {
        using target = std::remove_reference_t<Visit>;
        walk_object({&visit, [](void* to, std::string_view key, json_value& value) {
                         (*static_cast<target*>(to))(key, value);
                     }});
    }

    /// Calls `visit(json_value&)` for every element.
    template <class Visit> void each_element(Visit&& visit) {
        using target = std::remove_reference_t<Visit>;
        walk_array({&visit, [](void* to, std::string_view, json_value& value) { (*static_cast<target*>(to))(value); }});
    }

    /// Refuses the value: "<what>: <path>: <reason>".
    [[noreturn]] void refuse(std::string_view reason) const;
    /// The name to show for this member in paths, when it is not the key that the text has.
    void call_it(std::string_view name) noexcept { key_ = name; }

  private:
    friend struct json_document;
    struct visitor {
        void* to;
        void (*call)(void* to, std::string_view key, json_value& value);
    };
    static constexpr std::size_t no_index = static_cast<std::size_t>(-1);

    json_value(struct json_document& document, const json_value* parent, void* value) noexcept
        : document_{document}, parent_{parent}, value_{value}, depth_{parent ? parent->depth_ + 1 : 0} {}

    void walk_object(visitor visit);
    void walk_array(visitor visit);
    void visit_child(json_value& child, visitor visit, std::string_view key);
    void skip();
    void expect(json_kind wanted, std::string_view name);
    void enter();
    std::string_view token();
    [[noreturn]] void refuse_malformed() const;

    struct json_document& document_;
    const json_value* parent_;
    void* value_; // the library's value, which lives on the stack of the walk
    std::string_view key_;
    std::size_t index_ = no_index;
    unsigned depth_;
    bool is_read_ = false;
};

/// Reads one JSON text: calls `read(target, value)` with its outermost value. Nothing but white space may follow it.
/// `what` names the text in errors ("the manifest of alpine").
/// Errors: invalid (not JSON, not UTF-8, too deep, or refused by `read`), too_large (over 4 GiB).
void read_json(std::string_view text, std::string_view what, void* target,
               void (*read)(void* target, json_value& value), json_limits limits);

} // namespace davit::io
