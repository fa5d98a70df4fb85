#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

/// The words of HTTP/1.1 (RFC 9110, RFC 9112).
namespace davit::io {

enum class http_method : std::uint8_t { get, head, post, put, patch, del, options, connect, trace };
std::string_view to_string(http_method method) noexcept;

/// "Not Found" of 404; "Unknown" of a number without a name.
std::string_view reason_of(unsigned status) noexcept;

/// Header fields in their order. Names are looked up without regard to case. Views stay valid until the next change.
class http_headers {
  public:
    struct field {
        std::string_view name;
        std::string_view value;
    };

    void add(std::string_view name, std::string_view value);
    /// Replaces all fields of that name by one.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    void clear() noexcept;

    /// The first field of that name.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The first field's value, empty when there is none.
    std::string_view get(std::string_view name) const noexcept { return find(name).value_or(std::string_view{}); }
    bool has(std::string_view name) const noexcept { return find(name).has_value(); }
    std::size_t count(std::string_view name) const noexcept;
    /// Whether one of the comma-separated words of the fields of that name is `token`, without regard to case.
    bool has_token(std::string_view name, std::string_view token) const noexcept;

    std::size_t size() const noexcept { return entries_.size(); }
    bool is_empty() const noexcept { return entries_.empty(); }
    field operator[](std::size_t index) const noexcept;

    class iterator {
      public:
        iterator(const http_headers* of, std::size_t index) noexcept : of_{of}, index_{index} {}
        field operator*() const noexcept { return (*of_)[index_]; }
        iterator& operator++() noexcept {
            ++index_;
            return *this;
        }
        bool operator==(const iterator&) const = default;

      private:
        const http_headers* of_;
        std::size_t index_;
    };
    iterator begin() const noexcept { return {this, 0}; }
    iterator end() const noexcept { return {this, entries_.size()}; }

  private:
    friend class http_parser;

    // All text is in one string, so that a connection's requests reuse one allocation.
    struct entry {
        std::uint32_t name_begin, name_size, value_begin, value_size;
    };
    std::string text_;
    std::vector<entry> entries_;
};

/// Whether two header names or tokens are equal but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

struct http_request_head {
    http_method method = http_method::get;
    std::string target = "/"; ///< as on the request line
    http_headers headers;
    unsigned minor_version = 1; ///< HTTP/1.minor
};

struct http_response_head {
    unsigned status = 200;
    http_headers headers;
    std::string reason{};       ///< empty: reason_of(status)
    unsigned minor_version = 1; ///< HTTP/1.minor, of a response that was received
};

/// A response of known length.
struct http_response {
    http_response_head head;
    std::string body;
};

/// A request or response that breaks the protocol or passes a limit, with the status that says so.
class http_error : public error {
  public:
    template <class... Args>
    http_error(unsigned status, errc category, fmt::format_string<Args...> text, Args&&... args)
        : error{category, text, std::forward<Args>(args)...}, status_{status} {}
    unsigned status() const noexcept { return status_; }

  private:
    unsigned status_;
};

/// Appends the head's bytes, with the empty line that ends it. Errors: invalid when a name is no token or a value has
/// CR, LF or NUL: nothing is appended then.
void append_head(std::string& to, const http_request_head& head);
void append_head(std::string& to, const http_response_head& head);
/// Appends the fields and the empty line after them, as the end of a chunked body has them. Errors: as append_head.
void append_trailers(std::string& to, const http_headers& trailers);

} // namespace davit::io
