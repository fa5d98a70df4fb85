#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/task.h"
#include "io/http.h"
#include "io/http_parser.h"
#include "io/socket.h"
#include "io/stream.h"
#include "io/tls.h"

namespace davit::io {

namespace detail {
class http_connection;
}

/// Writes a streamed response body. Valid as long as its exchange.
class http_body_writer {
  public:
    /// Sends the bytes at once, as one chunk; waits while the peer does not take them. Nothing is sent for no bytes.
    /// Errors: unavailable (the peer is gone), cancelled.
    task<void> write(const_bytes data);
    task<void> write(std::string_view text) { return write(as_bytes(text)); }
    /// Ends the body, with trailers when given. A body that is not finished is broken off visibly: the connection is
    /// closed without its last chunk.
    task<void> finish();
    task<void> finish(http_headers trailers);

  private:
    friend detail::http_connection;
    friend class http_exchange;
    explicit http_body_writer(detail::http_connection& connection) noexcept : connection_{&connection} {}
    detail::http_connection* connection_;
};

/// One request and its answer. The handler gives exactly one answer: respond, begin_stream or hijack.
class http_exchange {
  public:
    const http_request_head& head() const noexcept;
    /// The client's address.
    const socket_address& peer() const noexcept;
    /// Who the client is, on a unix socket.
    std::optional<peer_credentials> credentials() const;

    /// The request's body, as it arrives; 0 at its end. A client that waits for "100 Continue" gets it at the first
    /// read. Errors: http_error 413 (beyond the limit), 400; unavailable (the client is gone); timed_out.
    task<std::size_t> read(bytes into);
    /// The whole body. Errors: as read; http_error 413 beyond `limit` bytes, before reading when the length says so.
    task<std::string> read_all(std::size_t limit);
    /// Changes the limit for this request from http_server_options::body_bytes.
    void limit_body(std::uint64_t bytes) noexcept;
    bool has_body() const noexcept;
    /// Filled when the body's end was read.
    const http_headers& trailers() const noexcept;

    /// Answers with a body of known length: one write for head and body. Content-Length is added (except for 204, 304).
    /// For HEAD the body is counted and not sent.
    task<void> respond(http_response_head head, std::string body = {});

    /// Answers with a body that is made while it is sent (chunked; up to the closing of the connection for HTTP/1.0).
    /// The head is sent at once. From here on a client that goes away cancels the handler; so does its half-close.
    task<http_body_writer> begin_stream(http_response_head head);

    /// Answers with `head` as it is and takes the connection out of HTTP: what is read from the stream begins with the
    /// bytes that had arrived already. Both directions can be half-closed. The stream may outlive the exchange. Status
    /// 101: `Connection: Upgrade` and `Upgrade` are the caller's to set.
    task<stream_ptr> hijack(http_response_head head);
    /// Whether the client asks for an upgrade to `protocol` (Connection: Upgrade, Upgrade: protocol).
    bool asks_for_upgrade(std::string_view protocol) const noexcept;

    /// A client that goes away cancels the handler from here on also before begin_stream. Call after reading the body.
    void cancel_on_disconnect();
    bool has_answered() const noexcept;

    explicit http_exchange(detail::http_connection& connection) noexcept : connection_{connection} {}
    http_exchange(const http_exchange&) = delete;
    http_exchange& operator=(const http_exchange&) = delete;

  private:
    detail::http_connection& connection_;
};

/// Must not keep the exchange. Runs for the connection's requests one after another, for connections side by side.
using http_handler = std::function<task<void>(http_exchange&)>;

/// Makes the response to a request that failed: the server's own refusals (http_error, with its status) and what a
/// handler threw before it had answered (`suggested_status` is then 500).
using http_failure_responder = std::function<http_response(unsigned suggested_status, const error& failure)>;

/// How many connections there may be, shared by all listeners of an engine.
class http_connection_budget {
  public:
    /// Of `total` connections, `reserved` are for unix sockets alone.
    http_connection_budget(std::size_t total, std::size_t reserved) noexcept : total_{total}, reserved_{reserved} {}

    bool take(bool is_local) noexcept {
        if (open_ >= (is_local ? total_ : total_ - reserved_)) return false;
        ++open_;
        return true;
    }
    void give_back() noexcept { --open_; }
    std::size_t open() const noexcept { return open_; }

  private:
    std::size_t total_;
    std::size_t reserved_;
    std::size_t open_ = 0;
};

struct http_server_options {
    http_limits limits{};
    std::uint64_t body_bytes = 64 * 1024 * 1024; ///< a longer body: 413; a route may change it (limit_body)
    /// On TCP only; a local client may take its time.
    std::chrono::milliseconds idle_timeout{120'000};  ///< between two requests: closed
    std::chrono::milliseconds header_timeout{20'000}; ///< from a request's first byte to its head's end: 408
    std::chrono::milliseconds body_timeout{60'000};   ///< without a byte of the body: 408
    std::chrono::milliseconds handshake_timeout{20'000};
    std::shared_ptr<http_connection_budget> budget; ///< null: one of its own, 10,000 connections
    tls_context_ptr tls;                            ///< null: plain
    http_failure_responder describe_failure;        ///< empty: the error's text as text/plain
};

/// Serves connections until it is cancelled; then all connections and their handlers are cancelled and joined.
/// Keep-alive, pipelined requests in order, chunked both ways, HEAD, Expect: 100-continue. The listener must outlive
/// it.
task<void> serve(listener& accepts, http_handler handler, http_server_options options);

/// Serves one connection that somebody else has accepted (a socket pair, a session of another kind) to its end.
task<void> serve_connection(stream_ptr connection, socket_address peer, http_handler handler,
                            http_server_options options);

} // namespace davit::io
