#include "core/scope.h"

#include "core/error.h"
#include "core/root_task.h"

namespace davit {

namespace {

bool is_cancelled(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const error& e) {
        return e.category() == errc::cancelled;
    } catch (...) {
        return false;
    }
}

} // namespace

/// Starts one child's frame from the executor's queue.
struct scope::child_runner final : ready_item {
    explicit child_runner(std::coroutine_handle<> frame) noexcept : frame_{frame} {}
    void run() noexcept override {
        const auto frame = frame_;
        delete this;
        frame.resume();
    }

    static detail::root_frame drive(cancellation*, scope* owner, task<void> child) {
        try {
            co_await std::move(child);
        } catch (...) {
            owner->fail(std::current_exception());
        }
        // The child's frame goes before the scope hears of its end, so that what the child held is released by then.
        {
            const task<void> ended = std::move(child);
        }
        owner->child_ended();
    }

    std::coroutine_handle<> frame_;
};

void scope::spawn(task<void> child) {
    const auto frame = child_runner::drive(&cancellation_, this, std::move(child));
    ++running_;
    executor::current().post(*new child_runner{frame.handle});
}

void scope::child_ended() noexcept {
    if (--running_ == 0 && joining_) std::exchange(joining_, nullptr)->complete();
}

void scope::fail(std::exception_ptr failure) noexcept {
    // Being cancelled is how the others end; it is a failure only where nobody asked for it.
    if (cancellation_.is_requested() && is_cancelled(failure)) return;
    if (!failure_) failure_ = std::move(failure);
    cancellation_.request();
}

void scope::rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
}

} // namespace davit
