#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace davit::io {

/// Appends one JSON value, compact, to a string. The caller keeps the order legal: a key before each member of an
/// object, every begin with its end. Invalid UTF-8 is replaced by U+FFFD; <, > and & stay as they are.
class json_writer {
  public:
    explicit json_writer(std::string& out);
    ~json_writer();
    json_writer(const json_writer&) = delete;
    json_writer& operator=(const json_writer&) = delete;

    void begin_object();
    void key(std::string_view name);
    void end_object();
    void begin_array();
    void end_array();

    void null();
    void boolean(bool value);
    void integer(std::int64_t value);
    void unsigned_integer(std::uint64_t value);
    /// Whole numbers are written without a fraction. Errors: internal (not finite).
    void number(double value);
    void string(std::string_view value);
    /// A text that is known to be one JSON value, as it is; null when empty.
    void raw(std::string_view text);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace davit::io
