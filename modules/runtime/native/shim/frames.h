#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "modules/runtime/native/protocol.h"

namespace davit::shim {

using shim_protocol::message_type;

/// One frame that came in, with the descriptors that rode on it (owned; -1 once taken).
struct incoming_frame {
    message_type type{};
    std::uint64_t request = 0;
    std::string payload;
    std::vector<int> descriptors;
};

/// Cuts a byte stream with descriptors into frames. Descriptors that no frame claimed are closed with it.
class frame_reader {
  public:
    frame_reader() = default;
    frame_reader(const frame_reader&) = delete;
    frame_reader& operator=(const frame_reader&) = delete;
    ~frame_reader();

    enum class outcome : std::uint8_t { got_bytes, would_block, ended };
    /// Reads once from the socket.
    outcome read_from(int socket);

    /// Takes the next whole frame. False when there is none yet.
    bool next(incoming_frame& frame);
    /// The peer sent what is no frame; nothing more can be read from it.
    bool is_broken() const { return is_broken_; }

  private:
    std::string bytes_;
    std::size_t start_ = 0; ///< Where in `bytes_` the next frame begins
    std::deque<int> descriptors_;
    bool is_broken_ = false;
};

/// Sends one frame over a blocking socket. False when the peer has gone.
bool send_frame(int socket, message_type type, std::string_view payload, const std::vector<int>& descriptors = {});

/// Waits for the next frame on a blocking socket. False when the peer has gone or sends nonsense.
bool receive_frame(int socket, frame_reader& reader, incoming_frame& frame);

/// One sendmsg(2) of `bytes`, with `descriptors` on their first byte. The number of bytes sent, or -1 with errno.
ssize_t send_with_descriptors(int socket, std::string_view bytes, const std::vector<int>& descriptors);

struct received_descriptors {
    std::array<int, shim_protocol::maximum_descriptors> numbers{}; ///< Owned by the receiver, closed by an execve
    std::size_t count = 0;
};

/// One recvmsg(2), without the heap. The number of bytes received, 0 at the end, or -1 with errno.
ssize_t receive_with_descriptors(int socket, void* into, std::size_t size, received_descriptors& came);

} // namespace davit::shim
