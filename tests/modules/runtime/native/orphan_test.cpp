#include "modules/runtime/native/orphan.h"

#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "modules/runtime/native/cgroup_table.h"

namespace davit {
namespace {

std::int64_t boot_microseconds() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

/// A process that sleeps until it is killed, with the given number (0: any). -1 when somebody else has that.
pid_t sleeper(pid_t number) {
    clone_args how{};
    how.exit_signal = SIGCHLD;
    how.set_tid = number == 0 ? 0 : reinterpret_cast<std::uint64_t>(&number);
    how.set_tid_size = number == 0 ? 0 : 1;
    const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &how, sizeof how));
    while (pid == 0) pause();
    return pid;
}

void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
}

TEST(orphan, a_number_that_another_took_within_the_same_clock_tick_is_not_its_process) {
    if (geteuid() != 0) GTEST_SKIP() << "choosing a process's number needs root";
    const auto tick = 1'000'000 / sysconf(_SC_CLK_TCK);
    bool was_seen = false;
    for (int attempt = 0; attempt < 1000 && !was_seen; ++attempt) {
        const auto first = sleeper(0);
        ASSERT_GT(first, 0);
        const auto started_after = boot_microseconds();
        end(first);
        const auto second = sleeper(first);
        if (second < 0) continue;
        was_seen = boot_microseconds() / tick == started_after / tick;
        const bool is_taken_for_it = static_cast<bool>(open_orphan(second, started_after, "davit/first"));
        end(second);
        EXPECT_FALSE(is_taken_for_it);
    }
    EXPECT_TRUE(was_seen);
}

TEST(orphan, a_process_that_began_a_clock_tick_before_is_found_and_one_that_ended_is_not) {
    const auto pid = sleeper(0);
    usleep(30'000);
    const auto started_after = boot_microseconds();
    EXPECT_TRUE(open_orphan(pid, started_after, "davit/elsewhere")); // Wherever it has gone since
    EXPECT_FALSE(open_orphan(pid, started_after - 1'000'000, "davit/elsewhere"));
    end(pid);
    EXPECT_FALSE(open_orphan(pid, started_after, "davit/elsewhere"));
}

TEST(orphan, a_process_that_can_not_be_looked_at_for_want_of_descriptors_has_not_ended) {
#if __has_feature(address_sanitizer)
    GTEST_SKIP() << "the sanitizer looks at a type through a pipe, and takes a failed one for a wrong type";
#endif
    const auto pid = sleeper(0);
    const auto started_after = boot_microseconds() + 1'000'000;
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const auto next = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close(next);
    for (rlim_t left = 0; left < 2; ++left) { // None for the process, or none for its state
        const rlimit few{static_cast<rlim_t>(next) + left, before.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
        EXPECT_THROW(static_cast<void>(open_orphan(pid, started_after, "davit/elsewhere")), error) << left;
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
    end(pid);
}

TEST(orphan, a_table_of_cgroups_tells_whether_one_is_or_lies_below_a_path) {
    const std::string_view v1 = "9:memory:/davit/ab\n8:cpu,cpuacct:/\n0::/\n";
    EXPECT_TRUE(lies_in_cgroup(v1, "davit/ab"));
    EXPECT_FALSE(lies_in_cgroup(v1, "davit/a"));
    EXPECT_FALSE(lies_in_cgroup(v1, "davit/abc"));
    EXPECT_FALSE(lies_in_cgroup(v1, ""));
    EXPECT_TRUE(lies_in_cgroup("0::/outer/davit/ab/init.scope\n", "davit/ab"));
    EXPECT_TRUE(lies_in_cgroup("0::/davit/ab", "davit/ab"));
    EXPECT_FALSE(lies_in_cgroup("0::/davit/ab-2\n", "davit/ab"));
}

} // namespace
} // namespace davit
