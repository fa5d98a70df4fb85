#pragma once

#include "core/task.h"
#include "core/wait_list.h"

namespace davit {

/// Something that is so or not yet: whoever waits goes on once it is set, and later ones don't wait at all.
class event {
  public:
    bool is_set() const noexcept { return is_set_; }
    void set() noexcept {
        is_set_ = true;
        waiting_.wake_all();
    }
    void reset() noexcept { is_set_ = false; }

    task<void> wait() {
        while (!is_set_) co_await waiting_.wait();
    }

  private:
    wait_list waiting_;
    bool is_set_ = false;
};

} // namespace davit
