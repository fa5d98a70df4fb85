#pragma once

#include <coroutine>
#include <exception>

#include "core/executor.h"
#include "core/root_task.h"
#include "core/task.h"

namespace davit::detail {

/// Starts `work` from the executor's queue, and tells `Owner` of its end by `child_ended(failure)` once the frame of
/// the work, and all that it held, is gone. What scope and background have in common.
template <class Owner> class spawned final : private ready_item {
  public:
    static void start(Owner& owner, cancellation& reached_by, task<void> work) {
        const root_frame frame = drive(&reached_by, &owner, std::move(work));
        executor::current().post(*new spawned{frame.handle});
    }

  private:
    explicit spawned(std::coroutine_handle<> frame) noexcept : frame_{frame} {}

    void run() noexcept override {
        const auto frame = frame_;
        delete this;
        frame.resume();
    }

    static root_frame drive(cancellation*, Owner* owner, task<void> work) {
        std::exception_ptr failure;
        try {
            co_await std::move(work);
        } catch (...) {
            failure = std::current_exception();
        }
        {
            const task<void> ended = std::move(work);
        }
        owner->child_ended(std::move(failure));
    }

    std::coroutine_handle<> frame_;
};

} // namespace davit::detail
