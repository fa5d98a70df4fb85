#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/suspension.h"
#include "core/task.h"

namespace davit::io {

/// A job for the worker pool. `work` runs on a worker; everything else stays on the loop's thread.
class offloaded_job : private suspension {
  public:
    bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> waiting) {
        suspend(waiting);
        begin();
    }
    /// The job has ended when this is called, cancelled or not.
    void await_resume() const { throw_if_cancelled(); }

  protected:
    ~offloaded_job();
    virtual void work() noexcept = 0;

  private:
    struct request;
    void begin();
    // A worker that has begun uses the job's values: the await ends only when it has let go.
    void cancel_requested() noexcept override;

    request* request_ = nullptr;
};

namespace detail {

template <class Function> class offloaded_call final : public offloaded_job {
    using result = std::invoke_result_t<Function&>;

  public:
    explicit offloaded_call(Function function) : function_{std::move(function)} {}

    result take() {
        if (failure_) std::rethrow_exception(failure_);
        if constexpr (!std::is_void_v<result>) return std::move(*value_);
    }

  private:
    void work() noexcept override {
        try {
            if constexpr (std::is_void_v<result>)
                function_();
            else
                value_.emplace(function_());
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    Function function_;
    std::optional<std::conditional_t<std::is_void_v<result>, bool, result>> value_;
    std::exception_ptr failure_;
};

} // namespace detail

/// Runs `function` on the worker pool and returns what it returns. The function owns what it reads (captures by value
/// or by move) or names what the awaiting frame owns: the await ends only when the worker has returned. Cancelling it
/// drops a job that no worker has begun; the result of one that was begun is thrown away.
template <class Function> task<std::invoke_result_t<Function&>> offload(Function function) {
    detail::offloaded_call<Function> call{std::move(function)};
    co_await call;
    co_return call.take();
}

} // namespace davit::io
