#include "core/background.h"

#include <cassert>

#include "core/error.h"
#include "core/log.h"
#include "core/spawned.h"

namespace davit {

background::~background() {
    assert(running_ == 0 && "a background is ended before it is destroyed");
}

void background::spawn(task<void> work) {
    if (cancellation_.is_requested()) return;
    ++running_;
    detail::spawned<background>::start(*this, cancellation_, std::move(work));
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
