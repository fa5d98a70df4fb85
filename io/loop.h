#pragma once

#include <memory>

#include "core/executor.h"
#include "core/root_task.h"
#include "core/task.h"

struct uv_loop_s;

namespace davit::io {

/// The event loop: one a thread, on libuv. Everything of io works on the loop of the thread it was made on.
class loop final : public executor {
  public:
    /// Errors: internal when the kernel gives no epoll descriptor.
    loop();
    /// All coroutines must have ended; waits for the closing of what they held.
    ~loop() override;
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    static loop& current() noexcept { return static_cast<loop&>(executor::current()); }

    /// Turns the loop until the task has ended, and returns its result.
    template <class T> T run(task<T> work) {
        root_task<T> root{std::move(work)};
        while (!root.has_ended()) turn();
        return root.take();
    }

    uv_loop_s* native() noexcept;
    /// Handles that are open or closing: what a leak test counts.
    std::size_t open_handles() noexcept;

    void post(ready_item& item) noexcept override;
    std::chrono::steady_clock::time_point now() noexcept override;
    void arm(timer_item& timer, std::chrono::steady_clock::time_point due) override;
    void disarm(timer_item& timer) noexcept override;

  private:
    struct state;

    /// Waits for something to happen, or for something ready, and does it.
    void turn();

    std::unique_ptr<state> state_;
    registration registration_{*this};
};

} // namespace davit::io
