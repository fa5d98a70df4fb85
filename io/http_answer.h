#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/task.h"
#include "io/http.h"
#include "io/stream.h"

namespace davit::io::detail {

/// How the answer to a request goes out: whole, streamed, or as the last words of HTTP on its connection.
class http_answer {
  public:
    enum class state : std::uint8_t { none, whole, streaming, streamed, hijacked };

    /// What the request has to say about its answer.
    struct terms {
        bool is_head = false; ///< Its body is counted and not sent
        unsigned minor_version = 1;
        bool keeps_alive = false;
    };

    /// `to` outlives what is sent.
    explicit http_answer(stream& to) noexcept : to_{to} {}

    /// Makes ready for the answer to the next request.
    void expect(terms of) noexcept;

    state now() const noexcept { return state_; }
    /// Whether another request may follow on this connection.
    bool keeps_alive() const noexcept { return terms_.keeps_alive; }
    /// No other request follows: the answer says so, if it has not begun.
    void close_after() noexcept { terms_.keeps_alive = false; }
    /// A write did not come to its end: the peer has a part of it, and nothing may follow.
    bool is_torn() const noexcept { return is_torn_; }

    /// As http_exchange has them. Errors: unavailable (the peer is gone); internal (answered already).
    task<void> respond(http_response_head head, std::string body);
    task<void> begin_stream(http_response_head head);
    task<void> hijack(http_response_head head);
    /// As http_body_writer has them.
    task<void> write(const_bytes data);
    task<void> finish(http_headers trailers);

    /// Sends bytes as they are. Errors: unavailable, also after a write that was torn.
    task<void> send(std::span<const const_bytes> parts);

  private:
    enum class framing : std::uint8_t { none, length, chunked, until_close };

    void refuse_another() const;
    void choose_framing(const http_response_head& head);
    void add_own_headers(http_headers& headers) const;
    void begin(state with, const http_response_head& head);
    task<void> send_out();

    stream& to_;
    std::string out_; // keeps its allocation from answer to answer
    terms terms_;
    state state_ = state::none;
    framing framing_ = framing::none;
    std::uint64_t length_left_ = 0; // of a streamed body with a length
    bool is_torn_ = false;
};

} // namespace davit::io::detail
