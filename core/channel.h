#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/task.h"
#include "core/wait_list.h"

namespace davit {

/// A bounded queue between coroutines. A full channel makes its sender wait; an empty one its receiver.
template <class T> class channel {
  public:
    explicit channel(std::size_t capacity) noexcept : capacity_{capacity} {}

    /// Waits while the channel is full. Throws errc::unavailable when it was closed.
    task<void> send(T value) {
        while (!is_closed_ && queued_.size() >= capacity_) co_await senders_.wait();
        if (is_closed_) throw error(errc::unavailable, "the receiver has gone");
        queued_.push_back(std::move(value));
        receivers_.wake_one();
    }

    /// Queues without waiting; false when the channel is full or closed.
    bool try_send(T value) {
        if (is_closed_ || queued_.size() >= capacity_) return false;
        queued_.push_back(std::move(value));
        receivers_.wake_one();
        return true;
    }

    /// The next value; nothing once the channel is closed and empty.
    task<std::optional<T>> receive() {
        while (queued_.empty() && !is_closed_) co_await receivers_.wait();
        if (queued_.empty()) co_return std::nullopt;
        std::optional<T> first{std::move(queued_.front())};
        queued_.pop_front();
        senders_.wake_one();
        co_return first;
    }

    /// Ends the channel: what is queued can still be received, nothing more can be sent.
    void close() noexcept {
        is_closed_ = true;
        senders_.wake_all();
        receivers_.wake_all();
    }

    bool is_closed() const noexcept { return is_closed_; }

  private:
    std::size_t capacity_;
    std::deque<T> queued_;
    wait_list senders_;
    wait_list receivers_;
    bool is_closed_ = false;
};

} // namespace davit
