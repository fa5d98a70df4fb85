#pragma once

#include <cstdint>
#include <deque>
#include <functional>

namespace davit::shim {

/// What waits for a descriptor. It must be removed from the loop before it dies.
class watcher {
  public:
    virtual void on_ready(std::uint32_t events) = 0;

  protected:
    ~watcher() = default;
};

/// The shim's one loop, on epoll(7). One event is taken at a time, so that handling one may remove any other watcher.
class loop {
  public:
    loop();
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    ~loop();

    void add(int descriptor, std::uint32_t events, watcher& who);
    void change(int descriptor, std::uint32_t events, watcher& who);
    void remove(int descriptor);

    /// Puts work off until nothing else is to be done for a moment (or until much of it has piled up).
    void when_idle(std::function<void()> work);

    /// Runs until `stop`.
    void run();
    void stop() { is_stopping_ = true; }

  private:
    int epoll_ = -1;
    bool is_stopping_ = false;
    std::deque<std::function<void()>> idle_work_;
};

} // namespace davit::shim
