#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::HasSubstr;

/// Where a container is among the host's control groups, and what is left of them.
class launch_cgroups : public container_test {
  protected:
    /// Ends all processes of a container's cgroup, and forgets it.
    template <class Launched> void kill_whole(const std::string& id, const Launched& launched) {
        EXPECT_FALSE(shim_->ask(message_type::signal, encode(shim_protocol::signal_request{id, SIGKILL, true})).failed);
        EXPECT_EQ(shim_->wait(id).code, 137);
        close(launched.output);
        close(launched.errors);
        EXPECT_FALSE(shim_->release(id));
    }
};

TEST_F(launch_cgroups, it_is_in_its_cgroups_and_they_go_with_it) {
    const auto asked = plan("sleep 20");
    const auto sandbox = shim_->make_sandbox(usual());
    const auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed);
    const auto table = host_says("cat /proc/" + std::to_string(launched.launched.pid) + "/cgroup");
    for (const char* controller : {"memory", "pids", "devices", "freezer", "blkio", "cpuacct"})
        EXPECT_THAT(table, HasSubstr(std::string{controller} + ":/" + asked.cgroup.path)) << table;
    kill_whole(asked.container_id, launched);
    for (int i = 0; i < 100 && std::filesystem::exists("/sys/fs/cgroup/memory/" + asked.cgroup.path); ++i) usleep(5000);
    EXPECT_EQ(host_says("ls -d /sys/fs/cgroup/*/" + asked.cgroup.path + " 2>/dev/null"), "");
}

TEST_F(launch_cgroups, cgroups_of_another_parent_than_usual_are_made_at_launch) {
    auto asked = plan("cat /proc/self/cgroup | grep memory; ls /sys/fs/cgroup/memory | grep -c limit_in_bytes; grep -c "
                      "' /sys/fs/cgroup ' /proc/self/mountinfo");
    asked.cgroup.path = cgroup_parent_ + "/deeper/" + asked.container_id;
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_THAT(result.output, HasSubstr("memory:/\n"));
    EXPECT_THAT(result.output, ::testing::EndsWith("\n1\n"));
    shim_.reset();
    EXPECT_EQ(host_says("ls -d /sys/fs/cgroup/*/" + cgroup_parent_ + "/deeper/*/ 2>/dev/null"), "");
    EXPECT_EQ(host_says("ls -d /sys/fs/cgroup/*/" + cgroup_parent_ + "/sandbox* 2>/dev/null"), "");
    on_host("for h in /sys/fs/cgroup/*; do rmdir $h/" + cgroup_parent_ + "/deeper 2>/dev/null; done; true");
}

TEST_F(launch_cgroups, limits_settings_and_a_killing_for_memory_are_seen) {
    auto asked = plan("dd if=/dev/zero of=/dev/shm/x bs=1M count=60; echo survived");
    asked.cgroup.settings = {{"memory", "memory.limit_in_bytes", "16777216"}, {"cpu", "cpu.shares", "512"}};
    const auto sandbox = shim_->make_sandbox(usual());
    const auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed) << launched.failed->sentence;
    EXPECT_EQ(host_says("cat /sys/fs/cgroup/cpu/" + asked.cgroup.path + "/cpu.shares"), "512\n");
    const auto end = shim_->wait(asked.container_id);
    EXPECT_TRUE(end.was_oom_killed);
    close(launched.errors);
    close(launched.output);
    EXPECT_FALSE(shim_->release(asked.container_id));
    auto wrong = plan_of({"/bin/true"});
    wrong.cgroup.settings = {{"memory", "memory.limit_in_bytes", "nonsense"}};
    EXPECT_TRUE(run(wrong).failed);
}

TEST_F(launch_cgroups, a_unified_hierarchy_holds_it_with_device_rules_and_kills_it_whole) {
    std::string unified;
    for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (std::filesystem::exists(std::string{place} + "/cgroup.controllers")) unified = place;
    if (unified.empty()) GTEST_SKIP() << "this host has no cgroup v2 mounted";
    shim_.reset();
    shim_ = std::make_unique<shim_client>(DAVIT_SHIM, unified);
    const auto result =
        run(plan("mknod /dev/x b 8 0 2>&1; mknod /dev/y c 1 3 && echo fine; cat /proc/self/cgroup | grep ^0; "
                 "grep ' /sys/fs/cgroup ' /proc/self/mountinfo; mkdir /sys/fs/cgroup/x 2>&1"));
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_THAT(result.output, HasSubstr("mknod: /dev/x: Operation not permitted\nfine\n0::/\n"));
    EXPECT_THAT(result.output, HasSubstr("- cgroup2 "));
    EXPECT_THAT(result.output, HasSubstr("Read-only file system"));

    const auto asked = plan("sleep 50 & sleep 50 & wait");
    const auto launched = shim_->launch(shim_->make_sandbox(usual()).id, asked);
    ASSERT_FALSE(launched.failed) << launched.failed->sentence;
    EXPECT_THAT(host_says("cat /proc/" + std::to_string(launched.launched.pid) + "/cgroup"),
                HasSubstr("0::/" + asked.cgroup.path));
    kill_whole(asked.container_id, launched);
    shim_.reset();
    EXPECT_EQ(host_says("ls -d " + unified + "/" + cgroup_parent_ + "/*/ 2>/dev/null"), "");
}

TEST_F(launch_cgroups, a_process_that_can_not_be_put_into_its_cgroups_leaves_none_of_those_made_ahead) {
    auto asked = plan("true");
    asked.cgroup.path = cgroup_parent_ + "/cgroup.procs/x"; // Neither renamed to nor made: that is a file
    EXPECT_TRUE(run(asked).failed);
    EXPECT_EQ(cgroups_left(), "");
}

TEST_F(launch_cgroups, cgroups_of_a_shim_that_has_gone_are_swept_though_another_process_has_its_number) {
    shim_->ask(message_type::discard_sandbox,
               encode(shim_protocol::sandbox_number{shim_->make_sandbox(usual()).id})); // makes the parent
    EXPECT_EQ(cgroups_left(), "");
    shim_ = nullptr;
    on_host("for h in /sys/fs/cgroup/*/" + cgroup_parent_ + " /sys/fs/cgroup/" + cgroup_parent_ +
            "; do if [ -d $h ]; then mkdir $h/sandbox-" + std::to_string(getpid()) + "-1; fi; done");
    shim_ = std::make_unique<shim_client>(DAVIT_SHIM);
    const auto made = shim_->make_sandbox(usual());
    shim_->ask(message_type::discard_sandbox, encode(shim_protocol::sandbox_number{made.id}));
    EXPECT_EQ(cgroups_left(), "");
}

} // namespace
} // namespace davit::shim::testing
