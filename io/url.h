#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace davit::io {

/// An absolute URL with an authority (RFC 3986): scheme://[user@]host[:port][/path][?query][#fragment].
struct url {
    std::string scheme;     ///< lower case
    std::string user_info;  ///< as written, percent-encoded
    std::string host;       ///< lower case; IPv6 without brackets
    std::uint16_t port = 0; ///< 0: none was written
    std::string path = "/"; ///< percent-encoded, begins with a slash
    std::string query;      ///< percent-encoded, without the question mark
    std::string fragment;

    /// Errors: invalid (control characters, no host, port out of range, a broken percent code…).
    static url parse(std::string_view text);
    /// Resolves a reference (a Location header, a link) against this URL (RFC 3986 §5.2). Errors: invalid.
    url resolve(std::string_view reference) const;

    /// The port written, or the scheme's (http 80, https 443); 0 when neither is known.
    std::uint16_t effective_port() const noexcept;
    /// host[:port] as a Host header has it: brackets around IPv6, no port when it is the scheme's own.
    std::string authority() const;
    /// path[?query]: what a request line has.
    std::string target() const;
    /// Everything but user_info, so that it may be logged.
    std::string to_string() const;

    bool operator==(const url&) const = default;
};

/// Decodes %XX; '+' stays. Errors: invalid (broken code, NUL).
std::string percent_decode(std::string_view text);
/// Encodes all but letters, digits, "-._~" and the bytes of `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = {});

/// The parameters of a query, decoded ('+' is a space), in order.
class url_query {
  public:
    url_query() = default;
    /// Errors: invalid (a broken percent code).
    static url_query parse(std::string_view query);

    /// The first value of that name; a name without '=' has an empty one.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    std::vector<std::string_view> all(std::string_view name) const;
    void add(std::string name, std::string value);
    std::string to_string() const;
    const std::vector<std::pair<std::string, std::string>>& parameters() const noexcept { return parameters_; }

  private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

/// A request target split at its '?': /path and query, both still encoded.
struct request_target {
    std::string_view path;
    std::string_view query;
};
request_target split_target(std::string_view target) noexcept;

} // namespace davit::io
