#pragma once

#include <cstdint>
#include <memory>

#include "io/http.h"
#include "io/stream.h"

namespace davit::io {

struct http_limits {
    std::size_t target_bytes = 8 * 1024;             ///< a longer request target: 414
    std::size_t header_bytes = 64 * 1024;            ///< names and values together, trailers apart: 431
    std::size_t header_count = 128;                  ///< 431
    std::size_t trailer_bytes = 8 * 1024;            ///< 431
    std::uint64_t chunk_extension_bytes = 16 * 1024; ///< over the whole body: 400
};

/// Takes HTTP/1.x messages apart, strictly: ambiguous framing (both lengths, bad chunk sizes, folded lines, bare line
/// feeds, blanks before a colon) is refused. On llhttp. It holds no input: body bytes are views into what was given.
class http_parser {
  public:
    enum class kind : std::uint8_t { request, response };
    enum class event : std::uint8_t {
        need_input, ///< all input was consumed; nothing more to tell yet
        head,       ///< the head is complete
        body,       ///< `data` has body bytes
        end,        ///< the message is complete, its trailers too; bytes after it are the next message's
    };
    struct step {
        event what;
        std::size_t consumed; ///< bytes of the input that are done with
        const_bytes data;
    };

    http_parser(kind of, const http_limits& limits);
    http_parser(http_parser&&) noexcept;
    http_parser& operator=(http_parser&&) noexcept;
    ~http_parser();

    /// Goes on with `input` up to the next event. After the head of a 101 there is none: what follows is not HTTP.
    /// Errors: http_error (invalid, too_large), after which the parser is of no more use.
    step next(const_bytes input);
    /// The flow has ended: true when that completes the message (a response without length) or falls between messages.
    bool finish();
    /// Makes ready for the next message of the flow.
    void reset();

    /// Responses only, before the head: the request was HEAD, so no body follows whatever the head says.
    void expect_no_body(bool none) noexcept;

    /// Filled before `head`; may be moved from.
    http_request_head& request() noexcept;
    http_response_head& response() noexcept;
    http_headers& trailers() noexcept;

    /// Whether bytes of a message were consumed and its end was not told yet.
    bool is_inside_message() const noexcept;
    /// Valid from `head` on: whether the flow may carry another message.
    bool should_keep_alive() const noexcept;
    bool is_chunked() const noexcept;
    /// The announced Content-Length, 0 when there is none.
    std::uint64_t content_length() const noexcept;
    /// Whether the message has a body (of length above zero, chunked, or up to the end of the flow).
    bool has_body() const noexcept;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace davit::io
