#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "core/task.h"
#include "core/wait_list.h"

namespace davit {

/// Something that happened to an object of the engine, as the Docker API tells it (GET /events).
struct engine_event {
    std::string type;   ///< "container", "image", "network", "daemon"
    std::string action; ///< "create", "start", "die", "pull", …
    std::string actor_id;
    std::map<std::string, std::string> attributes; ///< "name", "image", "exitCode", labels
    std::chrono::system_clock::time_point time{};
};

/// Tells what happened to whoever listens, in order. Publishing never waits: a listener that falls further behind than
/// the bus remembers is told that it lost events, and others are not disturbed.
class event_bus {
  public:
    /// How many events are remembered, for listeners that ask for the past and for slow ones.
    explicit event_bus(std::size_t remembered = 1024) noexcept : remembered_{remembered} {}
    event_bus(const event_bus&) = delete;
    event_bus& operator=(const event_bus&) = delete;

    /// Stamps the event with the time when it has none, remembers and announces it.
    void publish(engine_event happened);

    /// A position in the flow of events.
    using position = std::uint64_t;
    /// The position after the newest event.
    position end() const noexcept { return first_ + events_.size(); }
    /// The oldest remembered position.
    position begin() const noexcept { return first_; }

    /// Waits for the event at `at`. Errors: unavailable when it is forgotten already.
    task<engine_event> next(position at);
    /// Returns when the event at `at` exists.
    task<void> wait_beyond(position at);
    /// The event at `at`; null when it is forgotten or has not happened.
    const engine_event* find(position at) const noexcept;

  private:
    std::size_t remembered_;
    std::deque<engine_event> events_;
    position first_ = 0;
    wait_list listeners_;
};

} // namespace davit
