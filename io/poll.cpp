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

void pollable::update_interest() {
    const int wanted = (reader_ ? UV_READABLE : 0) | (writer_ ? UV_WRITABLE : 0);
    if (wanted == 0) {
        uv_poll_stop(&handle_->poll);
        return;
    }
    const int failed = uv_poll_start(&handle_->poll, wanted, [](uv_poll_t* poll, int status, int events) {
        pollable& self = *static_cast<handle*>(poll->data)->owner;
        // An error makes both ready: the system call that follows tells which it is.
        if (self.reader_ && (status < 0 || (events & UV_READABLE))) std::exchange(self.reader_, nullptr)->complete();
        if (self.writer_ && (status < 0 || (events & UV_WRITABLE))) std::exchange(self.writer_, nullptr)->complete();
        self.update_interest();
    });
    if (failed) throw error::system(-failed, "waiting for descriptor {}", fd_.get());
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
    (for_writing_ ? owner_.writer_ : owner_.reader_) = this;
    owner_.update_interest();
}

void pollable::ready_await::cancel_requested() noexcept {
    (for_writing_ ? owner_.writer_ : owner_.reader_) = nullptr;
    owner_.update_interest();
    suspension::cancel_requested();
}

} // namespace davit::io
