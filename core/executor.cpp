#include "core/executor.h"

#include <functional>
#include <tuple>

#include "core/timer_queue.h"

namespace davit {

thread_local constinit executor* executor::current_ = nullptr;

bool timer_queue::sooner::operator()(const timer_item* a, const timer_item* b) const noexcept {
    if (a->due_ != b->due_) return a->due_ < b->due_;
    return std::less<>{}(a, b);
}

void timer_queue::arm(timer_item& timer, time_point due) {
    disarm(timer);
    timer.due_ = due;
    armed_.insert(&timer);
    timer.is_armed_ = true;
}

void timer_queue::disarm(timer_item& timer) noexcept {
    if (!timer.is_armed_) return;
    armed_.erase(&timer);
    timer.is_armed_ = false;
}

std::optional<timer_queue::time_point> timer_queue::next_due() const noexcept {
    if (armed_.empty()) return std::nullopt;
    return (*armed_.begin())->due_;
}

void timer_queue::run_expired(time_point now) noexcept {
    while (!armed_.empty() && (*armed_.begin())->due_ <= now) {
        timer_item& first = **armed_.begin();
        disarm(first);
        first.expired();
    }
}

} // namespace davit
