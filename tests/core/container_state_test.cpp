#include "core/container_state.h"

#include <array>

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

using enum container_state;
using event = container_event;

constexpr std::array states = {created, running, paused, restarting, removing, exited, dead};
constexpr std::array events = {event::start,   event::exit,   event::await_restart, event::pause,
                               event::unpause, event::remove, event::remove_failed};

TEST(container_state, follows_a_container_through_its_life) {
    EXPECT_EQ(transition(created, event::start), running);
    EXPECT_EQ(transition(running, event::pause), paused);
    EXPECT_EQ(transition(paused, event::unpause), running);
    EXPECT_EQ(transition(running, event::await_restart), restarting);
    EXPECT_EQ(transition(restarting, event::start), running);
    EXPECT_EQ(transition(running, event::exit), exited);
    EXPECT_EQ(transition(exited, event::start), running);
    EXPECT_EQ(transition(exited, event::remove), removing);
    EXPECT_EQ(transition(removing, event::remove_failed), dead);
    EXPECT_EQ(transition(dead, event::remove), removing);
}

TEST(container_state, refuses_everything_else_as_a_conflict) {
    int allowed = 0;
    for (const container_state state : states)
        for (const event happened : events) {
            if (is_allowed(state, happened)) {
                ++allowed;
                continue;
            }
            try {
                transition(state, happened);
                ADD_FAILURE() << to_string(state) << " " << to_string(happened);
            } catch (const error& e) {
                EXPECT_EQ(e.category(), errc::conflict);
            }
        }
    EXPECT_EQ(allowed, 13);
}

TEST(container_state, says_what_the_container_would_have_to_be) {
    try {
        transition(running, event::remove);
        FAIL();
    } catch (const error& e) {
        EXPECT_EQ(e.text(), "a container that is running cannot be removed; it must be created or exited or dead");
    }
}

TEST(container_state, reads_the_names_that_it_writes) {
    for (const container_state state : states) EXPECT_EQ(parse_container_state(to_string(state)), state);
    EXPECT_THROW(parse_container_state("asleep"), error);
}

} // namespace
} // namespace davit
