#include "io/process.h"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/timeout.h"
#include "io/signals.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

process_options shell(std::string script) {
    return {.argv = {"/bin/sh", "-c", std::move(script)},
            .environment = {"PATH=/usr/bin:/bin"},
            .standard_input = {},
            .standard_output = {},
            .standard_error = {},
            .descriptors = {}};
}

TEST(process, gives_output_and_exit_status) {
    loop l;
    const process_output got = l.run(run_process(shell("cat; echo err >&2; exit 3"), "input"));
    EXPECT_EQ(got.standard_output, "input");
    EXPECT_EQ(got.standard_error, "err\n");
    EXPECT_EQ(got.exit.code, 3);
    EXPECT_EQ(got.exit.signal, 0);
    EXPECT_EQ(l.run(run_process(shell("kill -TERM $$"))).exit.signal, SIGTERM);
}

TEST(process, inherits_no_environment_directory_signal_or_descriptor) {
    loop l;
    ::setenv("LEAK", "token", 1);
    ignore_broken_pipes();
    const int leaked = ::open("/dev/null", O_RDONLY); // not close-on-exec
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    const auto got =
        l.run(run_process(shell("/usr/bin/env; pwd; ls /proc/self/fd; grep -E 'Sig(Ign|Blk)' /proc/self/status")));
    ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
    ::close(leaked);
    EXPECT_THAT(got.standard_output, ::testing::Not(HasSubstr("LEAK")));
    EXPECT_THAT(got.standard_output, HasSubstr("\n/\n0\n1\n2\n3\n")); // 3 is the listing's own
    const std::size_t ignored = got.standard_output.find("SigIgn:\t") + 8;
    const auto signals = std::stoull(got.standard_output.substr(ignored, 16), nullptr, 16);
    // Signals 32 and 33 are the C library's own; it lets nobody change them.
    EXPECT_EQ(signals & ~0x180000000ull, 0u) << got.standard_output;
    EXPECT_THAT(got.standard_output, HasSubstr("SigBlk:\t0000000000000000"));
}

TEST(process, passes_descriptors_at_the_numbers_asked_for_even_when_they_cross) {
    loop l;
    const scratch_directory directory;
    const descriptor a{::open((directory / "a").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
    const descriptor b{::open((directory / "b").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
    process_options options = shell("readlink /proc/self/fd/$A /proc/self/fd/$B; ls /proc/self/fd | wc -l");
    options.environment.push_back(fmt::format("A={}", b.get()));
    options.environment.push_back(fmt::format("B={}", a.get()));
    options.descriptors = {{a.get(), b.get()}, {b.get(), a.get()}};
    const auto got = l.run(run_process(std::move(options)));
    EXPECT_EQ(got.standard_output, directory / "a" + "\n" + (directory / "b") + "\n6\n");
}

TEST(process, says_which_program_could_not_be_started) {
    loop l;
    l.run([]() -> task<void> {
        process_options missing = shell("");
        missing.argv = {"/no/such/program"};
        const error failed = co_await failure_of(run_process(std::move(missing)));
        EXPECT_EQ(failed.category(), errc::not_found);
        EXPECT_THAT(failed.text(), HasSubstr("/no/such/program"));
    }());
}

task<void> note_pid_and_wait(process* child, pid_t* pid) {
    *pid = child->pid();
    co_await sleep_for(1h);
}

TEST(process, is_killed_and_reaped_when_its_user_is_cancelled) {
    loop l;
    const std::size_t before = open_descriptors();
    pid_t pid = -1;
    l.run([](pid_t* noted) -> task<void> {
        auto running = with_process(shell("exec sleep 1000"),
                                    [&](process& child) -> task<void> { return note_pid_and_wait(&child, noted); });
        EXPECT_EQ((co_await failure_of(with_timeout(20ms, "the process", std::move(running)))).category(),
                  errc::timed_out);
        EXPECT_EQ((co_await failure_of(run_process(shell("yes")))).category(), errc::too_large);
    }(&pid));
    EXPECT_GT(pid, 0);
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
    l.run([]() -> task<void> { co_await sleep_for(1ms); }());
    EXPECT_EQ(open_descriptors(), before);
}

TEST(process, a_dropped_one_is_killed_and_reaped_too) {
    loop l;
    pid_t pid = -1;
    {
        const process dropped{shell("exec sleep 1000")};
        pid = dropped.pid();
    }
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(signal_watch, tells_signals_in_order_of_arrival) {
    loop l;
    const std::size_t handles = l.open_handles();
    l.run([]() -> task<void> {
        signal_watch watch{SIGUSR1, SIGUSR2};
        ::kill(::getpid(), SIGUSR2);
        EXPECT_EQ(co_await watch.next(), SIGUSR2);
        ::kill(::getpid(), SIGUSR1);
        EXPECT_EQ(co_await watch.next(), SIGUSR1);
        EXPECT_EQ((co_await failure_of(with_timeout(2ms, "a signal", watch.next()))).category(), errc::timed_out);
    }());
    l.run([]() -> task<void> { co_await sleep_for(1ms); }());
    EXPECT_EQ(l.open_handles(), handles);
}

} // namespace
} // namespace davit::io
