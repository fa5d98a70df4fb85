#pragma once

#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include "modules/runtime/native/shim/server.h"

namespace davit::shim {

/// One engine that is connected.
class server::connection final : public channel::listener {
  public:
    connection(server& of, std::uint64_t number, int socket)
        : server_{of}, number_{number}, channel_{of.loop_, socket, *this} {
        channel_.send(message_type::hello, 0, encode(shim_protocol::hello{shim_protocol::version, getpid()}));
    }

    void on_frame(incoming_frame frame) override {
        for (int& descriptor : frame.descriptors) close(std::exchange(descriptor, -1)); // An engine gives none
        server_.on_request(*this, frame);
    }
    void on_end() override { server_.on_connection_end(number_); }

    template <class Message> void send(message_type type, std::uint64_t request, const Message& message,
                                       const std::vector<int>& descriptors = {}) {
        channel_.send(type, request, encode(message), descriptors);
    }
    void reply(std::uint64_t request, const std::optional<failure>& failed) {
        if (failed)
            send(message_type::failed, request, *failed);
        else
            send(message_type::done, request, shim_protocol::nothing{});
    }
    std::uint64_t number() const { return number_; }

    bool is_greeted = false; ///< Its hello has come, with our version

  private:
    server& server_;
    std::uint64_t number_;
    channel channel_;
};

} // namespace davit::shim
