#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"
#include "tests/modules/runtime/native/traced_process.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::HasSubstr;

/// The process that clones the sandboxes, and what becomes of them when it ends.
class zygote_test : public container_test {
  protected:
    static int zygote_of(int shim) {
        const auto said = host_says("pgrep -x davit-zygote -P " + std::to_string(shim));
        return said.empty() ? -1 : std::stoi(said);
    }
    static bool is_alive(int pid) { return kill(pid, 0) == 0; }
    /// The process that the zygote clones next; it has told nobody of it then.
    static int next_clone(traced_process& zygote) {
        bool is_clone = false;
        for (int i = 0; i < 100; ++i) {
            const auto call = zygote.next();
            if (call.op == PTRACE_SYSCALL_INFO_EXIT && is_clone) return static_cast<int>(call.exit.rval);
            is_clone = call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_clone3;
        }
        return -1;
    }
    /// Returns when the shim has taken up all that it was told so far.
    void settle() { ASSERT_FALSE(shim_->ask(message_type::list, {}).failed); }
};

TEST_F(zygote_test, clones_children_of_the_shim_and_has_nothing_of_its_own) {
    const auto sandbox = shim_->make_sandbox(usual());
    const auto folder = "/proc/" + std::to_string(sandbox.pid);
    EXPECT_EQ(host_says("grep ^PPid: " + folder + "/status"), "PPid:\t" + std::to_string(shim_->pid()) + "\n");
    EXPECT_EQ(host_says("cat " + folder + "/comm"), "davit-shim\n");
    const auto zygote = "/proc/" + std::to_string(zygote_of(shim_->pid()));
    EXPECT_EQ(host_says("ls " + zygote + "/fd"), "0\n1\n2\n3\n");
    EXPECT_EQ(run(plan("exit 3")).code, 3);
    EXPECT_EQ(host_says("ls " + zygote + "/fd"), "0\n1\n2\n3\n");
}

TEST_F(zygote_test, one_that_is_killed_is_replaced) {
    const auto waiting = shim_->make_sandbox(usual());
    const int first = zygote_of(shim_->pid());
    kill(first, SIGKILL);
    await_end(first);
    EXPECT_EQ(run(plan("exit 3")).code, 3);
    EXPECT_NE(zygote_of(shim_->pid()), first);
    auto launched = shim_->launch(waiting.id, plan("exit 4"));
    ASSERT_FALSE(launched.failed);
    close(launched.output);
    close(launched.errors);
}

TEST_F(zygote_test, one_that_is_killed_just_before_it_is_asked_is_replaced) {
    const int first = zygote_of(shim_->pid());
    kill(shim_->pid(), SIGSTOP);
    const auto request = shim_->tell(message_type::make_sandbox, encode(usual()));
    kill(first, SIGKILL);
    wait_until_dead(first);
    kill(shim_->pid(), SIGCONT); // The request came first
    const auto answer = shim_->answer_to(request);
    EXPECT_FALSE(answer.failed) << answer.failed->sentence;
}

TEST_F(zygote_test, what_it_was_asked_for_when_it_was_killed_its_successor_is_asked_for) {
    const int first = zygote_of(shim_->pid());
    kill(first, SIGSTOP);
    const auto one = shim_->tell(message_type::make_sandbox, encode(usual()));
    const auto other = shim_->tell(message_type::make_sandbox, encode(usual()));
    settle();
    kill(first, SIGKILL);
    const auto first_answer = shim_->answer_to(one);
    const auto second_answer = shim_->answer_to(other);
    for (const auto& answer : {first_answer, second_answer}) {
        ASSERT_FALSE(answer.failed) << answer.failed->sentence;
        const auto made = shim_protocol::decode<shim_protocol::made_sandbox>(answer.frame.payload);
        auto launched = shim_->launch(made->id, plan("echo here"));
        ASSERT_FALSE(launched.failed) << launched.failed->sentence;
        EXPECT_EQ(read_all(launched.output), "here\n");
        close(launched.errors);
    }
}

TEST_F(zygote_test, a_sandbox_that_was_cloned_and_not_told_of_ends_with_it) {
    const int zygote = zygote_of(shim_->pid());
    std::uint64_t request = 0;
    int cloned = -1;
    {
        traced_process traced{zygote};
        request = shim_->tell(message_type::make_sandbox, encode(usual()));
        cloned = next_clone(traced);
        ASSERT_GT(cloned, 0);
        kill(zygote, SIGKILL);
        waitpid(zygote, nullptr, __WALL);
    }
    const auto answer = shim_->answer_to(request);
    ASSERT_FALSE(answer.failed) << answer.failed->sentence;
    EXPECT_NE(shim_protocol::decode<shim_protocol::made_sandbox>(answer.frame.payload)->pid, cloned);
    await_end(cloned);
}

TEST_F(zygote_test, a_sandbox_that_ends_before_it_is_told_of_is_known_all_the_same) {
    std::uint64_t request = 0;
    int cloned = -1;
    {
        traced_process traced{zygote_of(shim_->pid())};
        request = shim_->tell(message_type::make_sandbox, encode(usual()));
        cloned = next_clone(traced);
        ASSERT_GT(cloned, 0);
        kill(cloned, SIGKILL);
        wait_until_dead(cloned);
        settle();
        EXPECT_TRUE(is_alive(cloned)) << "its number was given back before anybody knew whose it was";
    }
    const auto answer = shim_->answer_to(request);
    EXPECT_TRUE(answer.failed);
    await_end(cloned);
    EXPECT_EQ(cgroups_left(), "");
    EXPECT_EQ(run(plan("exit 3")).code, 3);
}

TEST_F(zygote_test, a_clone_that_fails_is_told) {
    const auto limited = "/sys/fs/cgroup/pids/davit-zygote-" + std::to_string(getpid());
    if (!std::filesystem::exists("/sys/fs/cgroup/pids")) GTEST_SKIP() << "there is no version 1 pids controller";
    on_host("mkdir " + limited + " && echo 0 > " + limited + "/pids.max");
    const auto zygote = std::to_string(zygote_of(shim_->pid()));
    on_host("echo " + zygote + " > " + limited + "/cgroup.procs");
    const auto refused = shim_->ask(message_type::make_sandbox, encode(usual()));
    on_host("echo " + zygote + " > /sys/fs/cgroup/pids/cgroup.procs && rmdir " + limited);
    ASSERT_TRUE(refused.failed);
    EXPECT_EQ(refused.failed->sentence, "cloning a sandbox: resource temporarily unavailable");
    EXPECT_EQ(run(plan("exit 3")).code, 3);
}

TEST_F(zygote_test, it_ends_with_its_shim) {
    auto other = std::make_unique<shim_client>(DAVIT_SHIM);
    const int zygote = zygote_of(other->pid());
    ASSERT_TRUE(is_alive(zygote));
    other.reset();
    await_end(zygote);
}

} // namespace
} // namespace davit::shim::testing
