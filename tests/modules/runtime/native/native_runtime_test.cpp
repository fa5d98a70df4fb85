#include "modules/runtime/native/native_runtime.h"

#include "core/timeout.h"
#include "tests/modules/runtime/native/native_runtime_fixture.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

TEST_F(native_runtime_test, launches_waits_and_releases) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto sandbox = co_await engine.make_sandbox({});
        EXPECT_TRUE(is_alive(sandbox.pid));
        co_await engine.configure_network(sandbox, {});
        const auto asked = plan("echo hello; exit 5");
        const auto launched = co_await engine.launch(sandbox, asked);
        EXPECT_EQ(launched.pid, sandbox.pid);
        EXPECT_FALSE(launched.phases.empty());
        const auto end = co_await engine.wait(asked.container_id);
        EXPECT_EQ(end.code, 5);
        EXPECT_TRUE(end.is_known);
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 5);
        EXPECT_EQ(read_and_close(launched.streams), "hello\n");
        co_await engine.release(asked.container_id);
        EXPECT_TRUE((co_await engine.processes()).empty());
        try {
            co_await engine.wait(asked.container_id);
            ADD_FAILURE() << "a released process is still known";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::not_found);
        }
    });
}

TEST_F(native_runtime_test, the_images_faults_are_invalid_and_leave_nothing) {
    with_engine([&](native_runtime& engine) -> task<void> {
        auto asked = plan("");
        asked.process.arguments = {"foo"};
        try {
            co_await engine.launch(co_await engine.make_sandbox({}), asked);
            ADD_FAILURE() << "it ran";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::invalid);
            EXPECT_EQ(e.text(), "exec: \"foo\": executable file not found in $PATH");
        }
        EXPECT_TRUE((co_await engine.processes()).empty());
    });
}

TEST_F(native_runtime_test, a_process_begins_when_its_condition_has_become_true) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("echo begun > /mark");
        const auto mark = asked.rootfs.host_upper + "/mark";
        const auto launched =
            co_await engine.launch(co_await engine.make_sandbox({}), asked, [](std::string of) -> task<void> {
                co_await sleep_for(100ms);
                EXPECT_FALSE(std::filesystem::exists(of));
            }(mark));
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 0);
        EXPECT_TRUE(std::filesystem::exists(mark));
        read_and_close(launched.streams);
        close(launched.root);
        co_await engine.release(asked.container_id);
    });
}

TEST_F(native_runtime_test, a_condition_that_fails_is_the_launchs_failure_and_nothing_begins) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("echo begun > /mark");
        const auto sandbox = co_await engine.make_sandbox({});
        try {
            co_await engine.launch(sandbox, asked, []() -> task<void> {
                co_await sleep_for(1ms);
                throw error(errc::internal, "the disk is full");
            }());
            ADD_FAILURE() << "it ran";
        } catch (const error& e) {
            EXPECT_EQ(e.text(), "the disk is full");
        }
        EXPECT_TRUE((co_await engine.processes()).empty());
        co_await engine.discard_sandbox(sandbox);
        for (int i = 0; i < 1000 && is_alive(sandbox.pid); ++i) co_await sleep_for(5ms);
        EXPECT_FALSE(is_alive(sandbox.pid));
        EXPECT_FALSE(std::filesystem::exists(asked.rootfs.host_upper + "/mark"));
        const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 0);
        read_and_close(launched.streams);
        close(launched.root);
        co_await engine.release(asked.container_id);
    });
}

TEST_F(native_runtime_test, the_next_engine_finds_what_runs_and_what_ended) {
    const auto running = plan("echo one; sleep 100");
    const auto ending = plan("echo two; exit 9");
    with_engine([&](native_runtime& engine) -> task<void> {
        for (const auto& asked : {running, ending}) {
            const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
            close(launched.streams.stdout_reader);
            close(launched.streams.stderr_reader);
        }
        co_await engine.wait(ending.container_id);
    });
    const int shim = shim_pid();
    with_engine([&](native_runtime& engine) -> task<void> {
        EXPECT_EQ(shim_pid(), shim);
        EXPECT_EQ((co_await engine.processes()).size(), 2u);
        EXPECT_EQ((co_await engine.wait(ending.container_id)).code, 9);
        EXPECT_EQ(read_and_close(co_await engine.reopen_streams(ending.container_id)), "two\n");
        co_await engine.release(ending.container_id);
        co_await engine.signal(running.container_id, SIGKILL);
        EXPECT_EQ((co_await engine.wait(running.container_id)).code, 137);
        EXPECT_EQ(read_and_close(co_await engine.reopen_streams(running.container_id)), "one\n");
        co_await engine.release(running.container_id);
    });
}

TEST_F(native_runtime_test, a_process_whose_release_failed_is_not_in_the_way_of_the_next_start) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("sleep 600");
        auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        const auto shim = program_.socket;
        kill(shim_pid(), SIGKILL);
        while ((co_await engine.health()).is_well) co_await sleep_for(std::chrono::milliseconds{5});
        kill(launched.pid, SIGKILL);
        EXPECT_FALSE((co_await engine.wait(asked.container_id)).is_known);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        if (launched.root >= 0) close(launched.root);
        // No shim can be started while something else is where its socket goes.
        std::filesystem::remove(shim);
        std::filesystem::create_directories(shim + "/x");
        EXPECT_THROW(co_await engine.release(asked.container_id), error);
        std::filesystem::remove_all(shim);
        auto again = asked;
        again.process.arguments = {"/bin/true"};
        launched = co_await engine.launch(co_await engine.make_sandbox({}), again);
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 0);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        if (launched.root >= 0) close(launched.root);
        co_await engine.release(asked.container_id);
    });
}

TEST_F(native_runtime_test, a_number_that_a_later_process_took_is_not_its_process) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("exit 0");
        const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        co_await engine.wait(asked.container_id);
        try {
            co_await engine.signal(asked.container_id, SIGKILL);
            ADD_FAILURE() << "an ended process was signalled";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::not_found);
        }
        co_await engine.release(asked.container_id);
    });
}

} // namespace
} // namespace davit
