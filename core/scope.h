#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/cancellation.h"
#include "core/suspension.h"
#include "core/task.h"

namespace davit {

namespace detail {
template <class Owner> class spawned;
}

/// The children of one `with_scope`. The first child that fails ends the others, and its error is rethrown to whoever
/// awaits the `with_scope`, after all have ended.
class scope {
  public:
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

    /// Starts a child on the executor's next turn. May be called by the body and by the children, until all have ended.
    void spawn(task<void> child);

    /// Ends all children, and the body when it waits. Their errc::cancelled is then no error of the scope.
    void cancel() noexcept { cancellation_.request(); }

    std::size_t running_children() const noexcept { return running_; }

  private:
    template <class Body> friend auto with_scope(Body body) -> std::invoke_result_t<Body&, scope&>;

    class join_await final : private suspension {
      public:
        explicit join_await(scope& joined) noexcept : joined_{joined} {}
        bool await_ready() const noexcept { return joined_.running_ == 0; }
        void await_suspend(std::coroutine_handle<> waiting) noexcept {
            suspend_shielded(waiting);
            joined_.joining_ = this;
        }
        void await_resume() const noexcept {}

      private:
        friend scope;
        scope& joined_;
    };

    explicit scope(cancellation* parent) noexcept : cancellation_{parent} {}
    ~scope() = default;

    template <class> friend class detail::spawned;
    void child_ended(std::exception_ptr failure) noexcept;
    /// Notes the first failure and ends the others.
    void fail(std::exception_ptr failure) noexcept;
    void rethrow_failure() const;

    cancellation cancellation_;
    std::size_t running_ = 0;
    join_await* joining_ = nullptr;
    std::exception_ptr failure_;
};

/// Runs `body(scope)`, a coroutine that may spawn children, and returns its result when it and every child have ended:
/// the only way to run coroutines side by side. Cancelling the caller cancels them all.
template <class Body> auto with_scope(Body body) -> std::invoke_result_t<Body&, scope&> {
    using result = typename std::invoke_result_t<Body&, scope&>::value_type;
    cancellation* const outer = co_await this_cancellation();
    scope children{outer};
    std::optional<std::conditional_t<std::is_void_v<result>, bool, result>> value;
    try {
        if constexpr (std::is_void_v<result>) {
            co_await body(children).under(&children.cancellation_);
            value = true;
        } else {
            value.emplace(co_await body(children).under(&children.cancellation_));
        }
    } catch (...) {
        children.fail(std::current_exception());
    }
    co_await scope::join_await{children};
    children.rethrow_failure();
    if (outer) outer->throw_if_requested();
    if constexpr (!std::is_void_v<result>) {
        if (!value) children.cancellation_.throw_if_requested();
        co_return std::move(*value);
    }
}

} // namespace davit
