#pragma once

#include <coroutine>

#include "core/cancellation.h"
#include "core/executor.h"

namespace davit {

/// The base of every leaf awaitable: one coroutine that waits for one thing. It is resumed exactly once, from the
/// executor's queue: by `complete`, or by cancellation. It lives in the frame of the coroutine that awaits it.
///
/// An awaitable whose operation can't be left at once (a job on a worker that still uses the frame's buffers) overrides
/// `cancel_requested` to do nothing or to hasten the end, and calls `complete` when the operation has let go.
class suspension : private ready_item, private cancellation::hook {
  public:
    suspension() = default;

  protected:
    ~suspension() = default;

    /// Call from await_suspend. Throws errc::cancelled, without suspending, when the end was requested already.
    template <class Promise> void suspend(std::coroutine_handle<Promise> waiting) {
        cancellation* node = waiting.promise().current_cancellation();
        if (node) {
            node->throw_if_requested();
            node->add(*this);
        }
        waiting_ = waiting;
    }

    /// As `suspend`, but no cancellation reaches this await.
    void suspend_shielded(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }

    /// Resumes the coroutine from the queue. Call exactly once after `suspend`.
    void complete() noexcept {
        hook::unlink();
        executor::current().post(*this);
    }

    /// Called once when the end is requested. The default gives up waiting: `await_resume` will throw.
    void cancel_requested() noexcept override {
        was_cancelled_ = true;
        complete();
    }

    bool was_cancelled() const noexcept { return was_cancelled_; }
    void mark_cancelled() noexcept { was_cancelled_ = true; }
    bool is_suspended() const noexcept { return static_cast<bool>(waiting_); }
    /// Call from await_resume: throws errc::cancelled when the await was given up.
    void throw_if_cancelled() const;

  private:
    void run() noexcept final { waiting_.resume(); }

    std::coroutine_handle<> waiting_;
    bool was_cancelled_ = false;
};

} // namespace davit
