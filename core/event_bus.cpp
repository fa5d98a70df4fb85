#include "core/event_bus.h"

#include "core/error.h"

namespace davit {

void event_bus::publish(engine_event happened) {
    if (happened.time == std::chrono::system_clock::time_point{}) happened.time = std::chrono::system_clock::now();
    events_.push_back(std::move(happened));
    if (events_.size() > remembered_) {
        events_.pop_front();
        ++first_;
    }
    listeners_.wake_all();
}

task<void> event_bus::wait_beyond(position at) {
    while (at >= end()) co_await listeners_.wait();
}

task<engine_event> event_bus::next(position at) {
    co_await wait_beyond(at);
    const engine_event* found = find(at);
    if (!found) throw error(errc::unavailable, "events were lost: the listener fell too far behind");
    co_return *found;
}

const engine_event* event_bus::find(position at) const noexcept {
    return at < first_ || at >= end() ? nullptr : &events_[at - first_];
}

} // namespace davit
