#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "modules/runtime/native/shim/frames.h"
#include "modules/runtime/native/shim/loop.h"

namespace davit::shim {

/// A non-blocking socket of frames on the loop: the engine's connection, or a sandbox's. Owns its descriptor.
class channel final : public watcher {
  public:
    /// What to do with what comes in. Both may destroy the channel.
    class listener {
      public:
        virtual void on_frame(incoming_frame frame) = 0;
        /// The peer has gone; nothing more comes.
        virtual void on_end() = 0;

      protected:
        ~listener() = default;
    };

    channel(loop& on, int socket, listener& to);
    ~channel();

    /// Sends, now or when the peer can take it. `descriptors` are duplicated; the caller keeps its own. While something
    /// waits, what the peer asks further is not read: who does not take answers gets no more of them made. A frame that
    /// can't be sent at all ends the connection, since somebody would wait for it for ever.
    void send(message_type type, std::uint64_t request, std::string_view payload,
              const std::vector<int>& descriptors = {});

    /// From now on what arrives is handled when the peer closes its end, all at once. Each message would wake the shim
    /// on the very processor that its sender still needs; a closing wakes it on an idle one.
    void wait_for_end_only();

    /// Handles all that has arrived, without waiting for the loop.
    void drain() { take_in(false); }

    void on_ready(std::uint32_t events) override;

  private:
    struct outgoing {
        std::string bytes;
        std::size_t sent = 0;
        std::vector<int> descriptors; ///< Owned
    };

    void flush();
    void break_off();
    void forget_queue();
    void take_in(bool stops_while_something_waits);

    loop& loop_;
    int socket_;
    listener& listener_;
    frame_reader reader_;
    std::deque<outgoing> queue_;
    bool waits_for_room_ = false;
    std::uint32_t interest_;
    bool* was_destroyed_ = nullptr;
};

} // namespace davit::shim
