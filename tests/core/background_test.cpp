#include "core/background.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"
#include "tests/core/manual_executor.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

std::vector<std::string>& logged() {
    static std::vector<std::string> lines;
    return lines;
}

task<void> tick(int* ticks) {
    while (true) {
        co_await sleep_for(10ms);
        ++*ticks;
    }
}

task<void> fail_soon() {
    co_await sleep_for(1ms);
    throw error(errc::internal, "no luck");
}

TEST(background, goes_on_when_one_of_its_coroutines_fails_and_ends_when_told) {
    manual_executor loop;
    logged().clear();
    log::set_sink([](log::level, std::string_view line) { logged().emplace_back(line); }, log::level::warn);
    int ticks = 0;
    loop.run([](int* count) -> task<void> {
        background running{"the ticker"};
        running.spawn(tick(count));
        running.spawn(fail_soon());
        co_await sleep_for(35ms);
        EXPECT_EQ(running.running(), 1u);
        co_await running.end();
        EXPECT_EQ(running.running(), 0u);
        running.spawn(tick(count));
        EXPECT_EQ(running.running(), 0u);
    }(&ticks));
    log::set_sink(nullptr, log::level::warn);
    EXPECT_EQ(ticks, 3);
    EXPECT_EQ(logged(), std::vector<std::string>{"the ticker: no luck"});
}

TEST(background, drains_without_cancelling) {
    manual_executor loop;
    bool done = false;
    loop.run([](bool* flag) -> task<void> {
        background running{"the worker"};
        running.spawn([](bool* f) -> task<void> {
            co_await sleep_for(5ms);
            *f = true;
        }(flag));
        co_await running.drain();
    }(&done));
    EXPECT_TRUE(done);
}

TEST(background, waits_for_an_end_no_longer_than_it_is_told_and_the_work_goes_on) {
    manual_executor loop;
    loop.run([]() -> task<void> {
        background running{"the worker"};
        bool is_done = false;
        const auto work = [](bool* flag) -> task<void> {
            co_await sleep_for(20ms);
            *flag = true;
        };
        EXPECT_TRUE(co_await running.run_for(1s, work(&is_done)));
        EXPECT_TRUE(std::exchange(is_done, false));
        EXPECT_FALSE(co_await running.run_for(5ms, work(&is_done)));
        EXPECT_FALSE(is_done);
        co_await running.drain();
        EXPECT_TRUE(is_done);
        EXPECT_TRUE(co_await running.run_for(1s, fail_soon())) << "what fails has ended, too";
        co_await running.end();
        bool is_refused = false;
        try {
            co_await running.run_for(1s, work(&is_done));
        } catch (const error& e) {
            is_refused = e.category() == errc::cancelled;
        }
        EXPECT_TRUE(is_refused);
    }());
}

} // namespace
} // namespace davit
