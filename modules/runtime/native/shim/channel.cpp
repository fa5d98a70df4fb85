#include "modules/runtime/native/shim/channel.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace davit::shim {

channel::channel(loop& on, int socket, listener& to) : loop_{on}, socket_{socket}, listener_{to}, interest_{EPOLLIN} {
    loop_.add(socket_, interest_, *this);
}

channel::~channel() {
    if (was_destroyed_ != nullptr) *was_destroyed_ = true;
    forget_queue();
    loop_.remove(socket_);
    close(socket_);
}

void channel::forget_queue() {
    for (auto& frame : queue_)
        for (const int descriptor : frame.descriptors) close(descriptor);
    queue_.clear();
}

void channel::break_off() {
    forget_queue();
    shutdown(socket_, SHUT_RDWR); // Both sides read the end next
}

void channel::send(message_type type, std::uint64_t request, std::string_view payload,
                   const std::vector<int>& descriptors) {
    outgoing next{shim_protocol::frame(type, request, static_cast<std::uint16_t>(descriptors.size()), payload), 0, {}};
    if (queue_.empty()) {
        const auto count = send_with_descriptors(socket_, next.bytes, descriptors);
        if (count == static_cast<ssize_t>(next.bytes.size())) return;
        if (count < 0 && errno != EAGAIN) return break_off();
        if (count > 0) next.sent = static_cast<std::size_t>(count);
    }
    bool is_kept = true;
    if (next.sent == 0)
        for (const int descriptor : descriptors) {
            next.descriptors.push_back(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
            is_kept &= next.descriptors.back() >= 0;
        }
    queue_.push_back(std::move(next));
    if (!is_kept) return break_off();
    if (!waits_for_room_) {
        waits_for_room_ = true;
        loop_.change(socket_, EPOLLOUT, *this);
    }
}

void channel::flush() {
    while (!queue_.empty()) {
        auto& next = queue_.front();
        const auto count =
            send_with_descriptors(socket_, std::string_view{next.bytes}.substr(next.sent), next.descriptors);
        if (count < 0) {
            if (errno == EAGAIN) return;
            break_off();
            break;
        }
        for (const int descriptor : next.descriptors) close(descriptor);
        next.descriptors.clear();
        next.sent += static_cast<std::size_t>(count);
        if (next.sent == next.bytes.size()) queue_.pop_front();
    }
    waits_for_room_ = false;
    loop_.change(socket_, interest_, *this);
}

void channel::wait_for_end_only() {
    interest_ = EPOLLRDHUP;
    if (!waits_for_room_) loop_.change(socket_, interest_, *this);
}

void channel::take_in(bool stops_while_something_waits) {
    bool destroyed = false;
    was_destroyed_ = &destroyed;
    auto outcome = frame_reader::outcome::got_bytes;
    while (outcome == frame_reader::outcome::got_bytes) {
        incoming_frame frame;
        while (!(stops_while_something_waits && waits_for_room_) && reader_.next(frame)) {
            listener_.on_frame(std::move(frame));
            if (destroyed) return;
            frame = {};
        }
        if (stops_while_something_waits && waits_for_room_) break;
        outcome = reader_.is_broken() ? frame_reader::outcome::ended : reader_.read_from(socket_);
    }
    if (outcome == frame_reader::outcome::ended) listener_.on_end();
    if (!destroyed) was_destroyed_ = nullptr;
}

void channel::on_ready(std::uint32_t) {
    if (waits_for_room_) flush();
    if (!waits_for_room_) take_in(true);
}

} // namespace davit::shim
