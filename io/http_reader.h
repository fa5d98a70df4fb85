#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/http_parser.h"
#include "io/stream.h"

namespace davit::io {

/// Reads HTTP messages from a stream, one after another: what the server's and the client's connections share.
/// Cancelling a read loses nothing.
class http_reader {
  public:
    http_reader(http_parser::kind of, const http_limits& limits) : parser_{of, limits} {}

    /// Reads up to the end of the next message's head, which `parser()` then has. False when the flow ends before it.
    /// Errors: http_error; unavailable (the flow ends inside the head).
    task<bool> read_head(stream& from);

    /// Reads body bytes; 0 at the end of the message. Errors: http_error; unavailable (the flow ends inside the body).
    task<std::size_t> read_body(stream& from, bytes into);

    /// Makes ready for the next message.
    void next_message();

    /// Whether the message was read to its end.
    bool is_complete() const noexcept { return is_complete_; }

    /// Whether bytes are here that no message has used.
    bool has_buffered() const noexcept { return begin_ < end_; }
    bool is_full() const noexcept { return end_ == buffer_.size() && begin_ == 0 && end_ > 0; }
    /// Reads some bytes ahead into the buffer; false at the end of the flow. Not while it is full.
    task<bool> fill(stream& from);
    /// What was read ahead: bytes that follow what the parser has used.
    std::string take_buffered();

    http_parser& parser() noexcept { return parser_; }
    const http_parser& parser() const noexcept { return parser_; }

  private:
    const_bytes buffered() const noexcept { return const_bytes{buffer_}.subspan(begin_, end_ - begin_); }
    void note_head();
    /// Parses what lies in `data`, moves its body bytes to its front and gives their number; what follows the message
    /// is put into the buffer.
    std::size_t take_body_from(bytes data);
    std::size_t take_body_from_buffer(bytes into);

    http_parser parser_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool is_complete_ = false;
    bool has_length_ = false;
    std::uint64_t body_left_ = 0; // of a body with a length
};

} // namespace davit::io
