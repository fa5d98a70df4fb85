#include "io/peer_watch.h"

#include "core/error.h"

namespace davit::io::detail {

void peer_watch::begin(cancellation& handler) {
    if (is_watching_) return;
    is_watching_ = true;
    handler_ = &handler;
    has_ended_.reset();
    end_.emplace();
    watchers_->spawn(watch());
}

task<void> peer_watch::read_ahead() {
    try {
        while (!reader_.is_full())
            if (!co_await reader_.fill(from_)) break;
        if (reader_.is_full()) co_return; // it has sent many requests ahead: it is there
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
    is_peer_gone_ = true;
    if (handler_) handler_->request();
}

task<void> peer_watch::watch() {
    try {
        co_await read_ahead().under(&*end_);
    } catch (const error&) {
        // Only cancelled gets here: the handler has ended.
    }
    has_ended_.set();
}

task<void> peer_watch::stop() {
    if (!is_watching_) co_return;
    handler_ = nullptr;
    end_->request();
    co_await has_ended_.wait().under(nullptr);
    is_watching_ = false;
}

} // namespace davit::io::detail
