#pragma once

#include <optional>
#include <set>

#include "core/executor.h"

namespace davit {

/// The timers of one executor, ordered by when they are due.
class timer_queue {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    void arm(timer_item& timer, time_point due);
    void disarm(timer_item& timer) noexcept;
    /// When the next timer is due; nothing when none is armed.
    std::optional<time_point> next_due() const noexcept;
    /// Disarms and calls every timer that is due at `now`.
    void run_expired(time_point now) noexcept;

  private:
    struct sooner {
        bool operator()(const timer_item* a, const timer_item* b) const noexcept;
    };
    std::set<timer_item*, sooner> armed_;
};

} // namespace davit
