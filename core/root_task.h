#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/task.h"

namespace davit {

namespace detail {

/// A coroutine that nobody awaits and that frees itself at its end: the top of a tree. Only scopes and executors make
/// one, and both wait for its end in their own way.
struct root_frame {
    struct promise_type {
        explicit promise_type(cancellation* reached_by, auto&&...) noexcept : node{reached_by} {}

        root_frame get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
        cancellation* current_cancellation() const noexcept { return node; }

        cancellation* node;
    };

    std::coroutine_handle<promise_type> handle;
};

} // namespace detail

/// Runs one task from outside any coroutine: an executor starts it and turns until it has ended.
template <class T> class root_task {
    using stored = std::conditional_t<std::is_void_v<T>, bool, T>;

  public:
    explicit root_task(task<T> work) {
        detail::root_frame frame = drive(&cancellation_, this, std::move(work));
        frame.handle.resume();
    }
    root_task(const root_task&) = delete;
    root_task& operator=(const root_task&) = delete;

    bool has_ended() const noexcept { return has_ended_; }
    void cancel() noexcept { cancellation_.request(); }

    /// The task's result, once it has ended; rethrows its error.
    T take() {
        if (failure_) std::rethrow_exception(failure_);
        if constexpr (!std::is_void_v<T>) return std::move(*value_);
    }

  private:
    static detail::root_frame drive(cancellation*, root_task* self, task<T> work) {
        try {
            if constexpr (std::is_void_v<T>)
                co_await std::move(work);
            else
                self->value_.emplace(co_await std::move(work));
        } catch (...) {
            self->failure_ = std::current_exception();
        }
        self->has_ended_ = true;
    }

    cancellation cancellation_;
    std::optional<stored> value_;
    std::exception_ptr failure_;
    bool has_ended_ = false;
};

} // namespace davit
