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
using on = container_event;

constexpr std::array rules = {
    rule{created, on::start, running},
    rule{exited, on::start, running},
    rule{restarting, on::start, running},
    rule{running, on::exit, exited},
    rule{paused, on::exit, exited},
    rule{restarting, on::exit, exited}, // stopped while it waited for its restart
    rule{running, on::await_restart, restarting},
    rule{running, on::pause, paused},
    rule{paused, on::unpause, running},
    rule{created, on::remove, removing},
    rule{exited, on::remove, removing},
    rule{dead, on::remove, removing},
    rule{removing, on::remove_failed, dead},
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
    case on::start:
        return "start";
    case on::exit:
        return "exit";
    case on::await_restart:
        return "await its restart";
    case on::pause:
        return "pause";
    case on::unpause:
        return "unpause";
    case on::remove:
        return "be removed";
    case on::remove_failed:
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
