#pragma once

#include "core/error.h"
#include "core/executor.h"
#include "core/root_task.h"
#include "core/timer_queue.h"

namespace davit {

/// An executor whose clock the test turns: time passes only when nothing is ready, straight to the next timer.
class manual_executor final : public executor {
  public:
    void post(ready_item& item) noexcept override { ready_.push_back(item); }
    std::chrono::steady_clock::time_point now() noexcept override { return now_; }
    void arm(timer_item& timer, std::chrono::steady_clock::time_point due) override { timers_.arm(timer, due); }
    void disarm(timer_item& timer) noexcept override { timers_.disarm(timer); }

    /// Runs what is ready; when nothing is, lets the next timer expire. False when nothing can happen any more.
    bool turn() {
        if (ready_item* item = ready_.pop_front()) {
            item->run();
            return true;
        }
        const auto due = timers_.next_due();
        if (!due) return false;
        now_ = *due;
        timers_.run_expired(now_);
        return true;
    }

    template <class T> T run(task<T> work) {
        root_task<T> root{std::move(work)};
        while (!root.has_ended() && turn()) {
        }
        if (!root.has_ended()) throw error(errc::internal, "the task waits for something that nobody will do");
        return root.take();
    }

  private:
    intrusive_list<ready_item> ready_;
    timer_queue timers_;
    std::chrono::steady_clock::time_point now_{};
    registration registration_{*this};
};

} // namespace davit
