#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/semaphore.h"
#include "core/task.h"
#include "io/descriptor.h"
#include "io/poll.h"
#include "io/stream.h"

namespace davit::io {

/// Messages with descriptors over a unix stream socket. On the wire a message is its length (u32, little-endian, of the
/// payload alone) and the payload; its descriptors (SCM_RIGHTS, unix(7)) travel with the first byte of the length.
class message_socket {
  public:
    struct message {
        std::string payload;
        std::vector<descriptor> descriptors; ///< close-on-exec
    };

    /// The most descriptors that one message carries (the kernel's SCM_MAX_FD).
    static constexpr std::size_t max_descriptors = 253;

    /// `max_payload` bounds both directions.
    message_socket(descriptor unix_stream, std::uint32_t max_payload);

    /// The next message; nothing when the peer closed between two messages. One coroutine at a time. Cancelling it
    /// loses nothing: the next call goes on in the middle of the message. Errors: too_large (announced length), invalid
    /// (the peer closed inside a message), unavailable.
    task<std::optional<message>> receive();

    /// Sends a message; `descriptors` stay the caller's, and open until the await ends. Several coroutines may send:
    /// their messages go one after another. Cancelled inside a message, the rest of it goes out before the next one.
    /// Errors: too_large, unavailable (the peer is gone).
    task<void> send(std::string payload, std::vector<int> descriptors = {});

    int fd() const noexcept { return socket_.fd(); }

  private:
    task<bool> receive_some();
    task<void> send_rest();

    pollable socket_;
    std::uint32_t max_payload_;
    semaphore sending_{1};
    std::string unsent_; // the rest of a message whose sender was cancelled

    // The message that is arriving.
    std::string arriving_length_;
    std::optional<std::uint32_t> arriving_size_;
    message arriving_;
    std::size_t arrived_ = 0;
};

} // namespace davit::io
