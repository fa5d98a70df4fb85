#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <stdexcept>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::HasSubstr;

/// What is left, and what is told, when a launch or its engine comes to an end.
class launch_ends : public container_test {
  protected:
    void prepare(const shim_protocol::made_sandbox& sandbox, const launch_plan& asked) {
        shim_->tell(message_type::prepare_launch, encode(shim_protocol::launch_request{sandbox.id, asked}));
    }
    /// Why a sandbox that has its plan, or has none, is not launched; empty when it is.
    std::string refusal(const shim_protocol::made_sandbox& sandbox) {
        const auto answer = shim_->ask(message_type::launch, encode(shim_protocol::sandbox_number{sandbox.id}));
        for (const int descriptor : answer.frame.descriptors) close(descriptor);
        return answer.failed ? answer.failed->sentence : "";
    }
};

TEST_F(launch_ends, nothing_is_left_on_the_host) {
    const auto mounts = host_says("cat /proc/self/mountinfo");
    const auto interfaces = host_says("ls /sys/class/net");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(run(plan_of({"/bin/true"})).code, 0);
        EXPECT_TRUE(run(plan_of({"/nope"})).failed);
        shim_->ask(message_type::discard_sandbox,
                   encode(shim_protocol::sandbox_number{shim_->make_sandbox(usual()).id}));
    }
    EXPECT_EQ(host_says("cat /proc/self/mountinfo"), mounts);
    EXPECT_EQ(host_says("ls /sys/class/net"), interfaces);
    for (int i = 0; i < 100 && host_says("ls /sys/fs/cgroup/memory/" + cgroup_parent_ + "| grep ^[cs].*[0-9]$") != "";
         ++i)
        usleep(5000);
    EXPECT_EQ(host_says("ls -d /sys/fs/cgroup/*/" + cgroup_parent_ + "/*/ 2>/dev/null"), "");
    EXPECT_EQ(host_says("pgrep -l -P " + std::to_string(shim_->pid()) + " | cut -d' ' -f2"), "davit-zygote\n");
    EXPECT_EQ(host_says("ls /proc/" + std::to_string(shim_->pid()) + "/fd | wc -l"),
              "8\n"); // 0-2, epoll, signals, socket, the zygote, us
}

TEST_F(launch_ends, a_launch_whose_engine_vanished_before_it_was_told_never_was) {
    const auto asked = plan("sleep 600");
    const auto sandbox = shim_->make_sandbox(usual());
    kill(sandbox.pid, SIGSTOP); // Its launch takes as long as we like
    shim_->tell_launch(sandbox.id, asked);
    shim_->reconnect();
    const auto held = [&] {
        return shim_protocol::decode<shim_protocol::process_list>(shim_->ask(message_type::list, {}).frame.payload)
            ->processes.size();
    };
    EXPECT_EQ(held(), 0u);
    kill(sandbox.pid, SIGCONT);
    for (int i = 0; i < 1000 && kill(sandbox.pid, 0) == 0; ++i) usleep(5000);
    EXPECT_NE(kill(sandbox.pid, 0), 0) << "it runs, and nobody knows";
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(cgroups_left(), "");
    const auto again = shim_->launch(shim_->make_sandbox(usual()).id, asked);
    ASSERT_FALSE(again.failed) << again.failed->sentence;
    close(again.output);
    close(again.errors);
}

TEST_F(launch_ends, what_was_prepared_does_not_begin_and_leaves_nothing_when_it_may_not) {
    const auto asked = plan("true");
    const auto sandbox = shim_->make_sandbox(usual());
    prepare(sandbox, asked);
    const auto root = "/proc/" + std::to_string(sandbox.pid) + "/root/bin/busybox";
    for (int i = 0; i < 1000 && !std::filesystem::exists(root); ++i) usleep(5000);
    ASSERT_TRUE(std::filesystem::exists(root)) << "it has not got as far as its root";
    usleep(50'000);
    EXPECT_THAT(std::filesystem::read_symlink("/proc/" + std::to_string(sandbox.pid) + "/exe").string(),
                HasSubstr("davit-shim"));
    EXPECT_FALSE(shim_->ask(message_type::discard_sandbox, encode(shim_protocol::sandbox_number{sandbox.id})).failed);
    await_end(sandbox.pid);
    EXPECT_EQ(refusal(sandbox), "no such sandbox");
    EXPECT_EQ(cgroups_left(), "");
    EXPECT_EQ(run(asked).code, 0) << "under the same name";
}

TEST_F(launch_ends, a_launch_says_what_has_failed_before_it) {
    auto asked = plan("true");
    asked.rootfs.host_layers = {"/no/such/layer"};
    const auto sandbox = shim_->make_sandbox(usual());
    prepare(sandbox, asked);
    await_end(sandbox.pid);
    EXPECT_EQ(cgroups_left(), "");
    EXPECT_THAT(refusal(sandbox), HasSubstr("/no/such/layer"));
}

TEST_F(launch_ends, a_sandbox_carries_out_one_plan) {
    const auto without = shim_->make_sandbox(usual());
    EXPECT_EQ(refusal(without), "the sandbox has no plan");
    const auto with_two = shim_->make_sandbox(usual());
    prepare(with_two, plan("true"));
    prepare(with_two, plan("true"));
    EXPECT_EQ(refusal(with_two), "a sandbox carries out one plan for one container");
    auto nameless = plan("true");
    nameless.container_id.clear();
    const auto for_nobody = shim_->make_sandbox(usual());
    prepare(for_nobody, nameless);
    EXPECT_EQ(refusal(for_nobody), "a sandbox carries out one plan for one container");
    for (const auto& spent : {without, with_two, for_nobody}) await_end(spent.pid);
    EXPECT_EQ(cgroups_left(), "");
}

TEST_F(launch_ends, a_sandbox_that_could_not_be_prepared_says_why_when_it_is_asked_for) {
    const auto stage = shim_->directory() + "/stage";
    std::filesystem::remove(stage);
    const auto why = [&]() -> std::string {
        auto without_cgroups = usual();
        without_cgroups.cgroup_parent.clear(); // With them it is mostly noticed at once
        shim_protocol::made_sandbox sandbox;
        try {
            sandbox = shim_->make_sandbox(without_cgroups);
        } catch (const std::runtime_error& e) {
            return e.what(); // It was noticed at once
        }
        for (int i = 0; i < 1000 && kill(sandbox.pid, 0) == 0; ++i) usleep(5000);
        EXPECT_NE(kill(sandbox.pid, 0), 0);
        const auto launched = shim_->launch(sandbox.id, plan("true"));
        return launched.failed ? launched.failed->sentence : "it ran";
    };
    EXPECT_EQ(why(), "opening " + stage + ": no such file or directory");
    EXPECT_EQ(why(), "opening " + stage + ": no such file or directory");
    const auto answer = shim_->ask(message_type::make_sandbox, encode(usual()));
    if (answer.failed) EXPECT_EQ(answer.failed->sentence, "opening " + stage + ": no such file or directory");
    EXPECT_EQ(cgroups_left(), "");
    std::filesystem::create_directory(stage);
    EXPECT_EQ(run(plan("exit 3")).code, 3);
}

TEST_F(launch_ends, sandboxes_of_an_engine_that_vanishes_are_gone_and_containers_stay) {
    const auto asked = plan("echo early; sleep 0.2; echo late; exit 3");
    const auto launched = shim_->launch(shim_->make_sandbox(usual()).id, asked);
    ASSERT_FALSE(launched.failed);
    const auto waiting = shim_->make_sandbox(usual());
    close(launched.output);
    close(launched.errors);
    shim_->disconnect();
    for (int i = 0; i < 200 && kill(waiting.pid, 0) == 0; ++i) usleep(5000);
    EXPECT_NE(kill(waiting.pid, 0), 0);
    usleep(400'000);
    shim_->reconnect();
    const auto list =
        shim_protocol::decode<shim_protocol::process_list>(shim_->ask(message_type::list, {}).frame.payload);
    ASSERT_EQ(list->processes.size(), 1u);
    EXPECT_EQ(list->processes[0].id, asked.container_id);
    EXPECT_TRUE(list->processes[0].has_ended);
    EXPECT_EQ(list->processes[0].end.code, 3);
    auto streams = shim_->ask(message_type::reopen_streams, encode(shim_protocol::container_name{asked.container_id}));
    ASSERT_EQ(streams.frame.descriptors.size(), 2u);
    EXPECT_FALSE(shim_->release(asked.container_id));
    EXPECT_EQ(read_all(streams.frame.descriptors[0]), "early\nlate\n");
    close(streams.frame.descriptors[1]);
}

} // namespace
} // namespace davit::shim::testing
