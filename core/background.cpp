#include "core/background.h"

#include <cassert>
#include <memory>

#include "core/error.h"
#include "core/event.h"
#include "core/log.h"
#include "core/spawned.h"
#include "core/timeout.h"

namespace davit {

namespace {

task<void> tell_end(task<void> work, std::shared_ptr<event> has_ended) {
    std::exception_ptr failure;
    try {
        co_await std::move(work);
    } catch (...) {
        failure = std::current_exception();
    }
    has_ended->set();
    if (failure) std::rethrow_exception(failure);
}

} // namespace

background::~background() {
    assert(running_ == 0 && "a background is ended before it is destroyed");
}

void background::spawn(task<void> work) {
    if (cancellation_.is_requested()) return;
    ++running_;
    detail::spawned<background>::start(*this, cancellation_, std::move(work));
}

task<bool> background::run_for(std::chrono::nanoseconds limit, task<void> work) {
    cancellation_.throw_if_requested();
    const auto has_ended = std::make_shared<event>();
    spawn(tell_end(std::move(work), has_ended));
    try {
        co_await with_timeout(limit, "work in the background", has_ended->wait());
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
    }
    co_return has_ended->is_set();
}

void background::child_ended(std::exception_ptr failure) noexcept {
    if (failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const error& e) {
            if (e.category() != errc::cancelled) log::error("{}: {}", owner_, e.what());
        } catch (const std::exception& e) {
            log::error("{}: {}", owner_, e.what());
        }
    }
    if (--running_ == 0) ended_.wake_all();
}

task<void> background::end() {
    cancellation_.request();
    co_await drain();
}

task<void> background::drain() {
    while (running_ != 0) co_await ended_.wait();
}

} // namespace davit
