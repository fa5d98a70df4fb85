#include "io/resolve.h"

#include <array>

#include "core/timeout.h"
#include "io/offload.h"
#include "tests/io/own_names.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;

task<void> look_up(errc* category) {
    try {
        co_await resolve("registry.test", 443);
    } catch (const error& e) {
        *category = e.category();
        if (e.category() == errc::cancelled) throw;
    }
}

TEST(resolve, gives_the_addresses_of_a_literal_and_of_a_name) {
    own_names names;
    names.know("192.0.2.7 registry.test\n");
    loop runs;
    const auto literal = runs.run(resolve("::1", 443));
    ASSERT_EQ(literal.size(), 1u);
    EXPECT_EQ(literal[0].to_string(), "[::1]:443");
    const auto named = runs.run(resolve("registry.test", 80));
    ASSERT_EQ(named.size(), 1u);
    EXPECT_EQ(named[0].to_string(), "192.0.2.7:80");
    EXPECT_EQ(runs.run(failure_of(resolve("another.test", 80))).category(), errc::unavailable);
}

TEST(resolve, name_servers_that_do_not_answer_stop_no_other_job_of_the_workers) {
    own_names names;
    names.fall_silent();
    loop runs;
    bool job_was_done = false;
    std::array<errc, 16> categories{}; // more than there are workers
    runs.run(with_scope([&](scope& all) -> task<void> {
        for (errc& category : categories) all.spawn(look_up(&category));
        co_await sleep_for(100ms);
        try {
            co_await with_timeout(10s, "a job beside the look-ups", offload([&] { job_was_done = true; }));
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::timed_out);
        }
        names.speak();
    }));
    EXPECT_TRUE(job_was_done);
    for (const errc category : categories) EXPECT_EQ(category, errc::unavailable);
}

TEST(resolve, a_look_up_is_left_at_once) {
    own_names names;
    names.fall_silent();
    loop runs;
    EXPECT_EQ(runs.run(failure_of(with_timeout(100ms, "the look-up", resolve("registry.test", 443)))).category(),
              errc::timed_out);
    names.speak(); // or the loop would wait for the worker that still looks
}

} // namespace
} // namespace davit::io
