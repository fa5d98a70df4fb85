#pragma once

#include <cstdint>
#include <string_view>

namespace davit {

/// The states of a container, as the Docker API names them.
enum class container_state : std::uint8_t { created, running, paused, restarting, removing, exited, dead };

/// What may happen to one.
enum class container_event : std::uint8_t {
    start,         ///< Its process was launched
    exit,          ///< Its process ended, and no restart follows
    await_restart, ///< Its process ended, and a restart follows
    pause,
    unpause,
    remove,       ///< Its removal has begun
    remove_failed ///< Its removal could not be finished; it may be tried again
};

std::string_view to_string(container_state state) noexcept;
std::string_view to_string(container_event event) noexcept;
/// Errors: invalid for a text that names no state.
container_state parse_container_state(std::string_view text);

/// The state that follows. Errors: conflict, saying what the container is and what it would have to be.
container_state transition(container_state state, container_event event);

/// Whether `transition` would succeed.
bool is_allowed(container_state state, container_event event) noexcept;

} // namespace davit
