#include "core/task.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/channel.h"
#include "core/event.h"
#include "core/rollback.h"
#include "core/scope.h"
#include "core/semaphore.h"
#include "core/timeout.h"
#include "tests/core/manual_executor.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

errc category_of(auto&& run) {
    try {
        run();
    } catch (const error& e) {
        return e.category();
    }
    ADD_FAILURE() << "nothing was thrown";
    return errc::internal;
}

task<int> give(int value) {
    co_return value;
}

task<int> fail_with(errc category) {
    throw error(category, "asked to fail");
    co_return 0;
}

/// Notes that the frame that holds it was unwound.
struct unwound_flag {
    bool* flag;
    explicit unwound_flag(bool& f) : flag{&f} {}
    unwound_flag(const unwound_flag&) = delete;
    ~unwound_flag() { *flag = true; }
};

task<void> wait_for_ever(bool* unwound) {
    const unwound_flag flag{*unwound};
    event never;
    co_await never.wait();
}

task<void> add_after(std::chrono::milliseconds delay, std::string what, std::vector<std::string>* log) {
    co_await sleep_for(delay);
    log->push_back(std::move(what));
}

TEST(task, gives_its_value_and_its_error_to_the_awaiter) {
    manual_executor loop;
    EXPECT_EQ(loop.run(give(7)), 7);
    EXPECT_EQ(category_of([&] { loop.run(fail_with(errc::conflict)); }), errc::conflict);
}

task<std::uintptr_t> stack_position() {
    // not a local's address: the address sanitizer keeps locals elsewhere
    co_return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

task<std::uint64_t> await_a_million(std::uintptr_t* lowest, std::uintptr_t* highest) {
    std::uint64_t sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        sum += static_cast<std::uint64_t>(co_await give(1));
        if (i % 1000) continue;
        const std::uintptr_t at = co_await stack_position();
        *lowest = std::min(*lowest, at);
        *highest = std::max(*highest, at);
    }
    co_return sum;
}

TEST(task, a_million_awaits_that_finish_at_once_grow_no_stack) {
    manual_executor loop;
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    EXPECT_EQ(loop.run(await_a_million(&lowest, &highest)), 1'000'000u);
    EXPECT_LT(highest - lowest, 64u * 1024);
}

task<int> nest(int depth) {
    if (depth == 0) co_return 0;
    co_return 1 + co_await nest(depth - 1);
}

TEST(task, a_deep_chain_ends_without_growing_the_stack_on_the_way_back) {
    manual_executor loop;
    EXPECT_EQ(loop.run(nest(100'000)), 100'000);
}

TEST(with_scope, is_left_only_when_every_child_has_ended) {
    manual_executor loop;
    std::vector<std::string> log;
    loop.run([](std::vector<std::string>& out) -> task<void> {
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn(add_after(30ms, "slow", &out));
            children.spawn(add_after(10ms, "quick", &out));
            out.push_back("body");
            co_return;
        });
        out.push_back("left");
    }(log));
    EXPECT_EQ(log, (std::vector<std::string>{"body", "quick", "slow", "left"}));
}

TEST(with_scope, the_first_error_ends_the_others_and_is_rethrown) {
    manual_executor loop;
    bool unwound = false;
    EXPECT_EQ(category_of([&] {
                  loop.run([](bool* flag) -> task<void> {
                      co_await with_scope([&](scope& children) -> task<void> {
                          children.spawn(wait_for_ever(flag));
                          children.spawn([]() -> task<void> {
                              co_await sleep_for(1ms);
                              co_await fail_with(errc::denied);
                          }());
                          co_await sleep_for(1h);
                      });
                  }(&unwound));
              }),
              errc::denied);
    EXPECT_TRUE(unwound);
}

TEST(with_scope, cancel_ends_the_children_and_is_no_error) {
    manual_executor loop;
    bool unwound = false;
    const int value = loop.run([](bool* flag) -> task<int> {
        co_return co_await with_scope([&](scope& children) -> task<int> {
            children.spawn(wait_for_ever(flag));
            co_await sleep_for(1ms);
            children.cancel();
            co_return 3;
        });
    }(&unwound));
    EXPECT_EQ(value, 3);
    EXPECT_TRUE(unwound);
}

TEST(with_scope, cancelling_the_caller_reaches_every_child) {
    manual_executor loop;
    bool first = false;
    bool second = false;
    EXPECT_EQ(category_of([&] {
                  loop.run(with_timeout(5ms, "waiting", [](bool* a, bool* b) -> task<void> {
                      co_await with_scope([&](scope& children) -> task<void> {
                          children.spawn(wait_for_ever(a));
                          co_await with_scope([&](scope& inner) -> task<void> {
                              inner.spawn(wait_for_ever(b));
                              co_return;
                          });
                      });
                  }(&first, &second)));
              }),
              errc::timed_out);
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
}

TEST(with_scope, a_child_may_spawn_while_others_run) {
    manual_executor loop;
    std::vector<std::string> log;
    loop.run([](std::vector<std::string>& out) -> task<void> {
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn([](scope& s, std::vector<std::string>& o) -> task<void> {
                co_await sleep_for(1ms);
                s.spawn(add_after(1ms, "grandchild", &o));
            }(children, out));
            co_return;
        });
    }(log));
    EXPECT_EQ(log, std::vector<std::string>{"grandchild"});
}

task<void> note(std::vector<std::string>* log, std::string what) {
    co_await sleep_for(1ms);
    log->push_back(std::move(what));
}

TEST(with_rollback, runs_the_steps_last_to_first_on_failure_and_rethrows) {
    manual_executor loop;
    std::vector<std::string> log;
    rollback undo;
    undo.add([&] { return note(&log, "first"); });
    undo.add([&] { return note(&log, "second"); });
    EXPECT_EQ(category_of([&] { loop.run(with_rollback(undo, fail_with(errc::not_found))); }), errc::not_found);
    EXPECT_EQ(log, (std::vector<std::string>{"second", "first"}));
}

TEST(with_rollback, runs_the_steps_to_their_end_when_the_work_is_cancelled) {
    manual_executor loop;
    std::vector<std::string> log;
    bool unwound = false;
    rollback undo;
    undo.add([&] { return note(&log, "undone"); });
    EXPECT_EQ(
        category_of([&] { loop.run(with_timeout(1ms, "the work", with_rollback(undo, wait_for_ever(&unwound)))); }),
        errc::timed_out);
    EXPECT_EQ(log, std::vector<std::string>{"undone"});
}

TEST(with_rollback, forgets_the_steps_on_success) {
    manual_executor loop;
    std::vector<std::string> log;
    rollback undo;
    undo.add([&] { return note(&log, "undone"); });
    EXPECT_EQ(loop.run(with_rollback(undo, give(4))), 4);
    EXPECT_TRUE(log.empty());
}

TEST(with_timeout, lets_quick_work_through) {
    manual_executor loop;
    EXPECT_EQ(loop.run(with_timeout(1s, "giving", give(5))), 5);
}

task<void> pause(std::chrono::milliseconds duration) {
    co_await sleep_for(duration);
}

TEST(with_timeout, is_silent_when_its_time_passes_while_a_cancelled_work_cleans_up) {
    manual_executor loop;
    rollback undo;
    undo.add([] { return pause(10ms); });
    bool has_unwound = false;
    try {
        loop.run(with_timeout(1ms, "the whole",
                              with_timeout(5ms, "the part", with_rollback(undo, wait_for_ever(&has_unwound)))));
        ADD_FAILURE() << "nothing was thrown";
    } catch (const error& e) {
        EXPECT_EQ(e.text(), "the whole took longer than 1 ms");
    }
}

TEST(with_timeout, leaves_the_work_s_own_errors_alone) {
    manual_executor loop;
    EXPECT_EQ(category_of([&] { loop.run(with_timeout(1s, "failing", fail_with(errc::denied))); }), errc::denied);
}

TEST(channel, makes_a_fast_sender_wait_and_delivers_in_order) {
    manual_executor loop;
    std::vector<int> received;
    loop.run([](std::vector<int>& out) -> task<void> {
        channel<int> values{2};
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn([](channel<int>& c) -> task<void> {
                for (int i = 0; i < 10; ++i) co_await c.send(i);
                c.close();
            }(values));
            while (const auto value = co_await values.receive()) out.push_back(*value);
        });
    }(received));
    EXPECT_EQ(received, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(channel, refuses_more_than_its_capacity_without_waiting) {
    manual_executor loop;
    channel<int> values{1};
    EXPECT_TRUE(values.try_send(1));
    EXPECT_FALSE(values.try_send(2));
    values.close();
    EXPECT_EQ(loop.run(values.receive()), 1);
    EXPECT_EQ(loop.run(values.receive()), std::nullopt);
    EXPECT_EQ(category_of([&] { loop.run(values.send(3)); }), errc::unavailable);
}

TEST(semaphore, bounds_how_many_run_at_once) {
    manual_executor loop;
    int most = 0;
    loop.run([](int& highest) -> task<void> {
        semaphore permits{3};
        int running = 0;
        co_await with_scope([&](scope& children) -> task<void> {
            for (int i = 0; i < 10; ++i)
                children.spawn([](semaphore& s, int& now, int& most_seen) -> task<void> {
                    const auto permit = co_await s.acquire();
                    most_seen = std::max(most_seen, ++now);
                    co_await sleep_for(1ms);
                    --now;
                }(permits, running, highest));
            co_return;
        });
    }(most));
    EXPECT_EQ(most, 3);
}

TEST(event, a_cancelled_waiter_does_not_keep_another_from_being_woken) {
    manual_executor loop;
    bool unwound = false;
    bool reached = false;
    loop.run([](bool* flag, bool* done) -> task<void> {
        event ready;
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn([](event& e, bool* f) -> task<void> {
                const unwound_flag note_it{*f};
                try {
                    co_await with_timeout(1ms, "waiting", e.wait());
                } catch (const error&) {
                }
            }(ready, flag));
            children.spawn([](event& e, bool* d) -> task<void> {
                co_await e.wait();
                *d = true;
            }(ready, done));
            co_await sleep_for(5ms);
            ready.set();
        });
    }(&unwound, &reached));
    EXPECT_TRUE(unwound);
    EXPECT_TRUE(reached);
}

} // namespace
} // namespace davit
