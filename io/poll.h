#pragma once

#include <memory>

#include "core/suspension.h"
#include "io/descriptor.h"

namespace davit::io {

/// A non-blocking descriptor whose readiness can be awaited. Try the system call first; wait only after EAGAIN.
/// At most one coroutine waits for reading and one for writing. Destroying it while one waits is a fault.
class pollable {
  public:
    class ready_await final : private suspension {
      public:
        bool await_ready() const noexcept { return false; }
        template <class Promise> void await_suspend(std::coroutine_handle<Promise> waiting) {
            suspend(waiting);
            begin();
        }
        void await_resume() const { throw_if_cancelled(); }

      private:
        friend pollable;
        ready_await(pollable& owner, bool for_writing) noexcept : owner_{owner}, for_writing_{for_writing} {}
        void begin();
        void cancel_requested() noexcept override;

        pollable& owner_;
        bool for_writing_;
    };

    /// Takes the descriptor and makes it non-blocking.
    explicit pollable(descriptor fd);
    pollable(pollable&&) = delete;
    ~pollable();

    int fd() const noexcept { return fd_.get(); }

    /// Resumes when reading would not block (or would tell an end or an error).
    ready_await readable() noexcept { return {*this, false}; }
    ready_await writable() noexcept { return {*this, true}; }

  private:
    struct handle;
    /// Makes libuv watch for what is waited for. What is no longer waited for stays watched until it happens: a
    /// coroutine that reads, waits and reads again would otherwise cost two more system calls for each wait.
    void watch_for_more();
    void watch(int events);
    int awaited() const noexcept;

    descriptor fd_;
    handle* handle_ = nullptr; // made when first needed; freed by libuv's closing callback
    int watched_ = 0;          // libuv's UV_READABLE and UV_WRITABLE
    ready_await* reader_ = nullptr;
    ready_await* writer_ = nullptr;
};

} // namespace davit::io
