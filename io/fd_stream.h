#pragma once

#include <optional>

#include "io/descriptor.h"
#include "io/poll.h"
#include "io/stream.h"

namespace davit::io {

/// A stream over a descriptor that works both ways (a socket, a pty's master), or over a pair of them (two pipes).
/// The peer's reset, a broken pipe and a pty whose other end was closed (EIO) are told apart: reading a pty or a pipe
/// whose peer is gone gives the end; a reset socket throws errc::unavailable.
class fd_stream final : public stream {
  public:
    explicit fd_stream(descriptor both_ways);
    /// Reads from one, writes to the other. Either may be empty; using an empty direction is a fault (errc::internal).
    fd_stream(descriptor reads, descriptor writes);

    task<std::size_t> read(bytes into) override;
    task<void> write(const_bytes from) override;
    task<void> write_parts(std::span<const const_bytes> parts) override;
    /// A socket is shut down; the writing end of a pair is closed; a pty is left as it is.
    task<void> shutdown_write() override;
    /// A unix socket tells at once; TCP when the peer has answered something with a reset, keep-alive probes included.
    bool has_lost_peer() const noexcept override;

    /// The descriptor that is read, for options and addresses; -1 when there is none.
    int fd() const noexcept { return reader_ ? reader_->fd() : -1; }

  private:
    std::optional<pollable> reader_;
    std::optional<pollable> writer_; // empty when reader_ works both ways
    bool is_both_ways_;
    bool is_socket_ = false; // the writing side

    // A fast peer must not keep the loop for itself: after some calls in a row that did not wait, one does.
    unsigned reads_in_a_row_ = 0;
    unsigned writes_in_a_row_ = 0;
};

} // namespace davit::io
