#pragma once

#include <chrono>
#include <coroutine>

#include "core/cancellation.h"
#include "core/error.h"
#include "core/executor.h"
#include "core/suspension.h"
#include "core/task.h"

namespace davit {

/// `co_await sleep_for(duration)`.
class sleep_for final : private suspension, private timer_item {
  public:
    explicit sleep_for(std::chrono::nanoseconds duration) noexcept : duration_{duration} {}

    bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> waiting) {
        suspend(waiting);
        executor& runs = executor::current();
        runs.arm(*this, runs.now() + duration_);
    }
    void await_resume() const { throw_if_cancelled(); }

  private:
    void expired() noexcept override { complete(); }
    void cancel_requested() noexcept override {
        executor::current().disarm(*this);
        suspension::cancel_requested();
    }

    std::chrono::nanoseconds duration_;
};

namespace detail {

/// Requests a cancellation when its time is over.
class deadline final : private timer_item {
  public:
    deadline(cancellation& ends, std::chrono::nanoseconds after) : ends_{ends} {
        executor& runs = executor::current();
        runs.arm(*this, runs.now() + after);
    }
    ~deadline() { executor::current().disarm(*this); }
    deadline(const deadline&) = delete;
    deadline& operator=(const deadline&) = delete;

    bool has_passed() const noexcept { return has_passed_; }

  private:
    void expired() noexcept override {
        if (ends_.is_requested()) return; // somebody else's end, whose clean-up takes longer than the time left
        has_passed_ = true;
        ends_.request();
    }

    cancellation& ends_;
    bool has_passed_ = false;
};

} // namespace detail

/// Awaits `work`, and cancels it when `limit` has passed; then throws errc::timed_out saying `what` took too long.
/// Returns only when the work has ended, cancelled or not.
template <class T> task<T> with_timeout(std::chrono::nanoseconds limit, const char* what, task<T> work) {
    cancellation node{co_await this_cancellation()};
    detail::deadline deadline{node, limit};
    try {
        co_return co_await std::move(work).under(&node);
    } catch (const error& e) {
        if (e.category() != errc::cancelled || !deadline.has_passed()) throw;
        throw error(errc::timed_out, "{} took longer than {} ms", what,
                    std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
    }
}

} // namespace davit
