#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/task.h"

namespace davit {

/// Steps that undo what was done so far, for clean-up that must await. Filled by the work, run by `with_rollback`.
class rollback {
  public:
    rollback() = default;
    rollback(const rollback&) = delete;
    rollback& operator=(const rollback&) = delete;

    /// Adds a step; steps run last to first. The function makes the coroutine and must own what it names.
    void add(std::function<task<void>()> step) { steps_.push_back(std::move(step)); }
    /// Forgets all steps: what was done stays.
    void commit() noexcept { steps_.clear(); }

    /// Awaits the steps, last to first. A step that fails is logged, and the others still run.
    task<void> run();

  private:
    std::vector<std::function<task<void>()>> steps_;
};

/// Awaits `work`. When it fails or is cancelled, awaits the steps of `undo`, which no cancellation reaches, and then
/// rethrows the error. When it succeeds, the steps are forgotten.
template <class T> task<T> with_rollback(rollback& undo, task<T> work) {
    std::exception_ptr failure;
    std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;
    try {
        if constexpr (std::is_void_v<T>)
            co_await std::move(work);
        else
            value.emplace(co_await std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        co_await undo.run().under(nullptr);
        std::rethrow_exception(failure);
    }
    undo.commit();
    if constexpr (!std::is_void_v<T>) co_return std::move(*value);
}

} // namespace davit
