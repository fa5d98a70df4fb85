#pragma once

#include <chrono>

#include "core/intrusive_list.h"

namespace davit {

/// Something that the executor runs once, on its thread, after the present call chain has returned.
class ready_item : public list_link<ready_item> {
  public:
    virtual void run() noexcept = 0;

  protected:
    ~ready_item() = default;
};

/// A one-shot timer. Derived classes disarm themselves before they end.
class timer_item {
  public:
    virtual void expired() noexcept = 0;

  protected:
    ~timer_item() = default;

  private:
    friend class timer_queue;
    std::chrono::steady_clock::time_point due_{};
    bool is_armed_ = false;
};

/// What a coroutine needs of the loop that runs it: a queue of what is ready, and timers. io::loop is one; tests have
/// one whose clock they turn by hand. There is one executor a thread, and no call crosses threads.
class executor {
  public:
    virtual ~executor() = default;

    /// The executor of this thread. There must be one.
    static executor& current() noexcept { return *current_; }

    /// Queues an item; it runs in order, never inside the caller.
    virtual void post(ready_item& item) noexcept = 0;
    virtual std::chrono::steady_clock::time_point now() noexcept = 0;
    virtual void arm(timer_item& timer, std::chrono::steady_clock::time_point due) = 0;
    /// No effect on a timer that is not armed.
    virtual void disarm(timer_item& timer) noexcept = 0;

  protected:
    /// Makes this the thread's executor until it is destroyed.
    class registration {
      public:
        explicit registration(executor& self) noexcept : previous_{current_} { current_ = &self; }
        ~registration() { current_ = previous_; }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;

      private:
        executor* previous_;
    };

  private:
    static thread_local constinit executor* current_;
};

} // namespace davit
