#include "core/container_state.h"

#include <array>
#include <optional>

#include "core/error.h"

namespace davit {

namespace {

struct rule {
    container_state from;
    container_event event;
    container_state to;
};

using enum container_state;
using event = container_event;

constexpr std::array rules = {
    rule{created, event::start, running},
    rule{exited, event::start, running},
    rule{restarting, event::start, running},
    rule{running, event::exit, exited},
    rule{paused, event::exit, exited},
    rule{restarting, event::exit, exited}, // stopped while it waited for its restart
    rule{running, event::await_restart, restarting},
    rule{running, event::pause, paused},
    rule{paused, event::unpause, running},
    rule{created, event::remove, removing},
    rule{exited, event::remove, removing},
    rule{dead, event::remove, removing},
    rule{removing, event::remove_failed, dead},
};

std::optional<container_state> find_next(container_state state, container_event happened) noexcept {
    for (const rule& r : rules)
        if (r.from == state && r.event == happened) return r.to;
    return std::nullopt;
}

} // namespace

std::string_view to_string(container_state state) noexcept {
    switch (state) {
    case created:
        return "created";
    case running:
        return "running";
    case paused:
        return "paused";
    case restarting:
        return "restarting";
    case removing:
        return "removing";
    case exited:
        return "exited";
    case dead:
        return "dead";
    }
    return "dead";
}

std::string_view to_string(container_event happened) noexcept {
    switch (happened) {
    case event::start:
        return "start";
    case event::exit:
        return "exit";
    case event::await_restart:
        return "await its restart";
    case event::pause:
        return "pause";
    case event::unpause:
        return "unpause";
    case event::remove:
        return "be removed";
    case event::remove_failed:
        return "fail its removal";
    }
    return "";
}

container_state parse_container_state(std::string_view text) {
    for (const container_state state : {created, running, paused, restarting, removing, exited, dead})
        if (to_string(state) == text) return state;
    throw error(errc::invalid, "\"{}\" is no container state", text);
}

container_state transition(container_state state, container_event happened) {
    if (const auto next = find_next(state, happened)) return *next;
    std::string possible;
    for (const rule& r : rules)
        if (r.event == happened) possible += fmt::format("{}{}", possible.empty() ? "" : " or ", to_string(r.from));
    throw error(errc::conflict, "a container that is {} cannot {}; it must be {}", to_string(state),
                to_string(happened), possible);
}

bool is_allowed(container_state state, container_event happened) noexcept {
    return find_next(state, happened).has_value();
}

} // namespace davit
