#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/event.h"
#include "core/task.h"
#include "io/descriptor.h"
#include "io/message_socket.h"
#include "modules/runtime/native/protocol.h"

namespace davit {

/// A point in time as the shim tells it: microseconds since the epoch.
inline std::chrono::system_clock::time_point time_of(std::int64_t microseconds) {
    return std::chrono::system_clock::time_point{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::microseconds{microseconds})};
}

/// One connection to the shim: requests go out, their answers find back to whoever waits for them.
class shim_connection {
  public:
    struct answer {
        shim_protocol::message_type type{};
        std::string payload;
        std::vector<io::descriptor> descriptors;

        /// Errors: internal when it is no such message.
        template <class Message> Message as() const {
            auto message = shim_protocol::decode<Message>(payload);
            if (!message) throw error(errc::internal, "davit-shim's answer can't be read");
            return std::move(*message);
        }
    };

    /// `patience`: in which a shim that is well has answered, whatever else it has to do.
    shim_connection(io::descriptor socket, std::uint64_t generation, std::chrono::milliseconds patience);

    /// Exchanges hellos. Returns the shim's.
    task<shim_protocol::hello> greet();

    /// Sends a request and waits for its answer, which no cancellation interrupts: what the shim has done must be known
    /// here. A shim that does not answer in time is given up: it drops, when it wakes, what it had not told us of.
    /// Errors: those that the shim tells (its failures, by their kinds), unavailable when it has gone or does not
    /// answer, too_large.
    task<answer> ask(shim_protocol::message_type type, std::string payload);

    /// Sends a request that has no answer, as `ask` sends its. Errors: unavailable, too_large.
    task<void> tell(shim_protocol::message_type type, std::string payload);

    /// Reads until the shim goes (or the caller is cancelled); hands exits on. Who still waits then gets `unavailable`.
    task<void> receive(std::function<void(shim_protocol::exited)> on_exit);

    bool is_lost() const noexcept { return is_lost_; }
    /// Which connection of this engine's life it is: sandboxes of an earlier one are gone.
    std::uint64_t generation() const noexcept { return generation_; }

  private:
    struct waiting {
        event has_come;
        answer got;
        bool was_lost = false;
    };

    /// Sends a request; returns when `here` has its answer, or at once where that is null. The caller holds what is
    /// referred to, and awaits this. Errors: as of `tell`; the connection is lost then.
    task<void> exchange(shim_protocol::message_type type, std::uint64_t request, const std::string& payload,
                        waiting* here);
    task<void> send_and_wait(shim_protocol::message_type type, std::uint64_t request, const std::string& payload,
                             waiting* here);
    void lose() noexcept;

    io::message_socket socket_;
    std::uint64_t generation_;
    std::chrono::milliseconds patience_;
    std::uint64_t next_request_ = 1;
    std::unordered_map<std::uint64_t, waiting*> waiting_;
    bool is_lost_ = false;
};

} // namespace davit
