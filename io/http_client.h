#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/task.h"
#include "io/http.h"
#include "io/http_parser.h"
#include "io/stream.h"
#include "io/tls.h"
#include "io/url.h"

namespace davit::io {

/// Whom a connection leads to: what connections are pooled by.
struct http_origin {
    std::string scheme; ///< http, https, or any word that the connector knows (unix)
    std::string host;   ///< a path for unix
    std::uint16_t port = 0;

    static http_origin of(const url& address) { return {address.scheme, address.host, address.effective_port()}; }
    auto operator<=>(const http_origin&) const = default;
};

/// Makes a connection to an origin.
using http_connector = std::function<task<stream_ptr>(http_origin)>;

/// Connects "http" by TCP, "https" by TCP and TLS with `context` (null: https is refused), "unix" to the path in
/// `host`.
http_connector make_connector(tls_context_ptr context = nullptr);

struct http_client_options {
    http_limits limits{};
    std::chrono::milliseconds connect_timeout{30'000}; ///< with the TLS handshake
    std::chrono::milliseconds send_timeout{60'000};    ///< for 64 KiB of a request to be taken; 0: none
    std::chrono::milliseconds head_timeout{60'000};    ///< from the request's last byte to the response's head; 0: none
    std::chrono::milliseconds body_timeout{60'000};    ///< without a byte of the body; 0: none
    std::chrono::milliseconds idle_timeout{60'000};    ///< how long an unused connection is kept
    std::size_t idle_per_origin = 8;                   ///< unused connections that are kept
};

/// What a request sends: nothing, text, or bytes that are made while they are sent.
struct http_request_body {
    http_request_body() = default;
    http_request_body(std::string all) : text{std::move(all)} {}
    /// `more` gives the next bytes, 0 at the end. Without `length` the body is sent in chunks.
    http_request_body(std::function<task<std::size_t>(bytes)> more, std::optional<std::uint64_t> total)
        : source{std::move(more)}, length{total} {}

    std::string text;
    std::function<task<std::size_t>(bytes)> source;
    std::optional<std::uint64_t> length;
};

namespace detail {
class http_client_connection;
class http_client_pool;
} // namespace detail

/// A response whose body is still arriving. When its end was read, the connection serves the next request; a response
/// that is dropped earlier closes it.
class http_client_response {
  public:
    http_client_response(http_client_response&&) noexcept;
    http_client_response& operator=(http_client_response&&) noexcept;
    ~http_client_response();

    const http_response_head& head() const noexcept { return head_; }
    unsigned status() const noexcept { return head_.status; }
    bool is_success() const noexcept { return status() >= 200 && status() < 300; }
    /// The announced length of the body, where there is one.
    std::optional<std::uint64_t> content_length() const noexcept;

    /// The next bytes; 0 at the end. Errors: unavailable (broken off before its end), timed_out, invalid.
    task<std::size_t> read(bytes into);
    /// The whole body. Errors: as read; too_large beyond `limit` bytes.
    task<std::string> read_all(std::size_t limit);
    /// Filled when the body's end was read.
    const http_headers& trailers() const noexcept;

    /// Takes the connection out of HTTP, after 101 or after a response whose body has no length (Docker's attach). What
    /// is read begins with the bytes that had arrived already. Errors: invalid when the response has a length.
    stream_ptr hijack();

  private:
    friend class http_client;
    http_client_response(std::unique_ptr<detail::http_client_connection> connection, http_response_head head);

    std::unique_ptr<detail::http_client_connection> connection_;
    http_response_head head_;
};

/// An HTTP/1.1 client with a pool of kept connections. It follows no redirects: see url::resolve. Responses may outlive
/// it.
class http_client {
  public:
    explicit http_client(http_connector connect, http_client_options options = {});
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// Sends a request and awaits the head of its response (1xx but 101 skipped). Host, Content-Length or
    /// Transfer-Encoding are added where missing. A kept connection that turns out to be closed before any byte of a
    /// response is replaced by a new one, once, unless the body was made while it was sent.
    /// Errors: unavailable (names the origin and why), timed_out, invalid (no HTTP), those of the connector.
    task<http_client_response> request(http_origin origin, http_request_head head, http_request_body body = {});

    /// Closes the connections that no request uses.
    void close_idle() noexcept;

  private:
    http_connector connect_;
    http_client_options options_;
    std::shared_ptr<detail::http_client_pool> pool_;
};

} // namespace davit::io
