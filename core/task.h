#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "core/cancellation.h"

namespace davit {

template <class T = void> class task;

namespace detail {

/// What every promise of ours has: who waits for it, which cancellation reaches it, and how it failed.
class task_promise_base {
  public:
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        // Symmetric transfer: a chain of awaits that finish at once stays on one stack frame.
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            return ended.promise().continuation_;
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    cancellation* current_cancellation() const noexcept { return cancellation_; }

    void start(std::coroutine_handle<> continuation, cancellation* reached_by) noexcept {
        continuation_ = continuation;
        cancellation_ = reached_by;
    }

  protected:
    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    std::coroutine_handle<> continuation_;
    cancellation* cancellation_ = nullptr;
    std::exception_ptr failure_;
};

template <class T> class task_promise final : public task_promise_base {
  public:
    task<T> get_return_object() noexcept;
    template <class U> void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }

    T take() {
        rethrow_failure();
        return std::move(*value_);
    }

  private:
    std::optional<T> value_;
};

template <> class task_promise<void> final : public task_promise_base {
  public:
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const { rethrow_failure(); }
};

} // namespace detail

/// A coroutine that starts when it is awaited and gives its awaiter a T or an exception. It is owned by whoever holds
/// the task: `co_await` it, or `spawn` it in a scope (core/scope.h). A task that was started is destroyed only after
/// it has ended; one that was never started may simply be dropped.
template <class T> class [[nodiscard]] task {
  public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task(task&& other) noexcept : frame_{std::exchange(other.frame_, {})} {}
    task& operator=(task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~task() {
        if (frame_) frame_.destroy();
    }

    /// Awaits the task under the awaiter's own cancellation.
    auto operator co_await() && noexcept { return awaiter{frame_, nullptr, true}; }

    /// Awaits the task under `reached_by` instead: null shields it from every cancellation.
    auto under(cancellation* reached_by) && noexcept { return awaiter{frame_, reached_by, false}; }

  private:
    friend promise_type;

    struct awaiter {
        std::coroutine_handle<promise_type> frame;
        cancellation* reached_by;
        bool inherits;

        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) const noexcept {
            frame.promise().start(parent, inherits ? parent.promise().current_cancellation() : reached_by);
            return frame;
        }
        T await_resume() const { return frame.promise().take(); }
    };

    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}

    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T> task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

} // namespace detail

/// `co_await this_cancellation()` gives the node that reaches the present coroutine; null when it is shielded.
struct this_cancellation {
    cancellation* node = nullptr;

    bool await_ready() const noexcept { return false; }
    template <class Promise> bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
        node = self.promise().current_cancellation();
        return false;
    }
    cancellation* await_resume() const noexcept { return node; }
};

} // namespace davit
