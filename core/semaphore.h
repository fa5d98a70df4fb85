#pragma once

#include <cstddef>
#include <utility>

#include "core/task.h"
#include "core/wait_list.h"

namespace davit {

/// Bounds how many coroutines do something at once. With one permit it is a mutex.
class semaphore {
  public:
    /// Holds one permit and gives it back when it ends. The semaphore must outlive it.
    class [[nodiscard]] permit {
      public:
        permit(permit&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)} {}
        permit& operator=(permit&& other) noexcept {
            std::swap(owner_, other.owner_);
            return *this;
        }
        ~permit() {
            if (owner_) owner_->give_back();
        }

      private:
        friend semaphore;
        explicit permit(semaphore& owner) noexcept : owner_{&owner} {}
        semaphore* owner_;
    };

    explicit semaphore(std::size_t permits) noexcept : free_{permits} {}

    task<permit> acquire() {
        while (free_ == 0) co_await waiting_.wait();
        --free_;
        co_return permit{*this};
    }

  private:
    void give_back() noexcept {
        ++free_;
        waiting_.wake_one();
    }

    wait_list waiting_;
    std::size_t free_;
};

} // namespace davit
