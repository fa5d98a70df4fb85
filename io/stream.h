#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "core/task.h"

namespace davit::io {

using bytes = std::span<std::byte>;
using const_bytes = std::span<const std::byte>;

inline const_bytes as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span{text});
}

/// A two-way flow of bytes: a socket, a TLS session, a pair of pipes, a hijacked HTTP connection. One coroutine may
/// read while another writes; not two of a kind at once. Closing is the destructor's, and never waits.
class stream {
  public:
    virtual ~stream() = default;

    /// Reads at least one byte into `into`; 0 at the end of the flow. Errors: unavailable when the peer is gone.
    virtual task<std::size_t> read(bytes into) = 0;
    /// Writes all of `from`; returns when the last byte was handed on. Errors: unavailable when the peer is gone.
    virtual task<void> write(const_bytes from) = 0;
    /// Writes all of several parts in order, as one `write` would, in one system call where the stream can. The array
    /// and what it names stay valid until the await ends.
    virtual task<void> write_parts(std::span<const const_bytes> parts) {
        for (const const_bytes part : parts) co_await write(part);
    }
    /// Ends the writing direction (half-close); what was written still arrives. Reading goes on.
    virtual task<void> shutdown_write() = 0;
    /// Whether the peer is known to be gone altogether, and not only at the end of what it sends: what a reader that
    /// has come to the end asks now and then. False where that can't be told.
    virtual bool has_lost_peer() const noexcept { return false; }
};

using stream_ptr = std::unique_ptr<stream>;

} // namespace davit::io
