#pragma once

#include "core/suspension.h"

namespace davit {

/// Coroutines that wait for something that this thread's code will announce. The building block of event, channel and
/// semaphore: a waiter that was woken looks again whether what it waits for is so.
class wait_list {
  public:
    class entry final : private suspension, public list_link<entry> {
      public:
        explicit entry(wait_list& list) noexcept : list_{list} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise> void await_suspend(std::coroutine_handle<Promise> waiting) {
            suspend(waiting);
            list_.waiting_.push_back(*this);
        }
        void await_resume() const { throw_if_cancelled(); }

      private:
        friend wait_list;
        void cancel_requested() noexcept override {
            list_link<entry>::unlink();
            suspension::cancel_requested();
        }
        wait_list& list_;
    };

    /// `co_await list.wait()` returns after a wake that reached it.
    entry wait() noexcept { return entry{*this}; }
    void wake_one() noexcept {
        if (entry* first = waiting_.pop_front()) first->complete();
    }
    void wake_all() noexcept {
        while (entry* first = waiting_.pop_front()) first->complete();
    }
    bool is_empty() const noexcept { return waiting_.is_empty(); }

  private:
    intrusive_list<entry> waiting_;
};

} // namespace davit
