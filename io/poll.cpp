#include "io/poll.h"

#include <utility>
#include <uv.h>

#include "core/error.h"
#include "io/loop.h"

namespace davit::io {

struct pollable::handle {
    uv_poll_t poll{};
    pollable* owner = nullptr;
};

pollable::pollable(descriptor fd) : fd_{std::move(fd)} {
    set_nonblocking(fd_.get());
}

pollable::~pollable() {
    if (!handle_) return;
    // libuv forgets the descriptor at once, so it may be closed before the handle's memory is returned.
    uv_poll_stop(&handle_->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
             [](uv_handle_t* closed) { delete static_cast<handle*>(closed->data); });
}

int pollable::awaited() const noexcept {
    return (reader_ ? UV_READABLE : 0) | (writer_ ? UV_WRITABLE : 0);
}

void pollable::watch_for_more() {
    if ((awaited() & ~watched_) != 0) watch(awaited());
}

void pollable::watch(int events) {
    if (events == 0) {
        uv_poll_stop(&handle_->poll);
        watched_ = 0;
        return;
    }
    const int failed = uv_poll_start(&handle_->poll, events, [](uv_poll_t* poll, int status, int happened) {
        pollable& self = *static_cast<handle*>(poll->data)->owner;
        const int before = self.awaited();
        // An error makes both ready: the system call that follows tells which it is.
        if (self.reader_ && (status < 0 || (happened & UV_READABLE))) std::exchange(self.reader_, nullptr)->complete();
        if (self.writer_ && (status < 0 || (happened & UV_WRITABLE))) std::exchange(self.writer_, nullptr)->complete();
        // libuv has stopped after an error; and what nobody waits for would be told again and again.
        if (status < 0 || (happened & ~before) != 0) self.watch(self.awaited());
    });
    if (failed) throw error::system(-failed, "waiting for descriptor {}", fd_.get());
    watched_ = events;
}

void pollable::ready_await::begin() {
    if (!owner_.handle_) {
        auto made = std::make_unique<handle>();
        made->owner = &owner_;
        if (const int failed = uv_poll_init(loop::current().native(), &made->poll, owner_.fd()))
            throw error::system(-failed, "watching descriptor {}", owner_.fd());
        made->poll.data = made.get();
        owner_.handle_ = made.release();
    }
    auto& place = for_writing_ ? owner_.writer_ : owner_.reader_;
    place = this;
    try {
        owner_.watch_for_more();
    } catch (...) {
        place = nullptr; // this wait ends here
        throw;
    }
}

void pollable::ready_await::cancel_requested() noexcept {
    (for_writing_ ? owner_.writer_ : owner_.reader_) = nullptr;
    suspension::cancel_requested();
}

} // namespace davit::io
