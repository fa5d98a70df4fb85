#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>

#include "core/cancellation.h"
#include "core/task.h"
#include "core/wait_list.h"

namespace davit {

namespace detail {
template <class Owner> class spawned;
}

/// The coroutines that an object runs between its `start` and its `stop`: a scope whose life is the object's. What the
/// object's own members do for it is spawned here; `co_await end()` in `stop` joins them. For work that begins and ends
/// within one coroutine use `with_scope`.
class background {
  public:
    /// `owner` names the object in the log when one of its coroutines fails.
    explicit background(std::string owner) : owner_{std::move(owner)} {}
    background(const background&) = delete;
    background& operator=(const background&) = delete;
    /// All coroutines must have ended: an object that spawned is stopped before it is destroyed.
    ~background();

    /// Starts a coroutine on the executor's next turn. One that fails is logged; the others go on. None is started once
    /// the end was requested.
    void spawn(task<void> work);
    /// Spawns `work` and waits for its end, for `limit` at most: false when it goes on then. Cancelling the caller does
    /// not end it. What it fails with is logged, as with `spawn`.
    /// Errors: cancelled when the end of all was requested; nothing is started then.
    task<bool> run_for(std::chrono::nanoseconds limit, task<void> work);

    /// Cancels all coroutines and returns when they have ended. Nothing is spawned afterwards.
    task<void> end();
    /// Returns when those that run now, and those that they spawn, have ended of themselves.
    task<void> drain();

    std::size_t running() const noexcept { return running_; }

  private:
    template <class> friend class detail::spawned;
    void child_ended(std::exception_ptr failure) noexcept;

    std::string owner_;
    cancellation cancellation_;
    wait_list ended_;
    std::size_t running_ = 0;
};

} // namespace davit
