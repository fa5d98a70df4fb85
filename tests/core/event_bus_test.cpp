#include "core/event_bus.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "tests/core/manual_executor.h"

namespace davit {
namespace {

engine_event happened(std::string action) {
    engine_event made;
    made.type = "container";
    made.action = std::move(action);
    return made;
}

TEST(event_bus, tells_a_listener_what_happens_in_order) {
    manual_executor loop;
    std::string seen;
    loop.run([](std::string& out) -> task<void> {
        event_bus bus;
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn([](event_bus& b, std::string& text) -> task<void> {
                for (event_bus::position at = b.end(), last = at + 3; at < last; ++at)
                    text += (co_await b.next(at)).action + " ";
            }(bus, out));
            co_await sleep_for(std::chrono::milliseconds{1});
            for (const char* action : {"create", "start", "die"}) bus.publish(happened(action));
        });
    }(seen));
    EXPECT_EQ(seen, "create start die ");
}

TEST(event_bus, remembers_the_newest_and_tells_who_fell_behind) {
    manual_executor loop;
    event_bus bus{2};
    for (const char* action : {"create", "start", "die"}) bus.publish(happened(action));
    EXPECT_EQ(bus.begin(), 1u);
    EXPECT_EQ(bus.end(), 3u);
    EXPECT_EQ(bus.find(0), nullptr);
    EXPECT_EQ(bus.find(1)->action, "start");
    EXPECT_EQ(bus.find(3), nullptr);
    try {
        loop.run(bus.next(0));
        FAIL();
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::unavailable);
    }
}

TEST(event_bus, stamps_an_event_that_has_no_time) {
    event_bus bus;
    bus.publish(happened("create"));
    EXPECT_GT(bus.find(0)->time.time_since_epoch().count(), 0);
}

} // namespace
} // namespace davit
