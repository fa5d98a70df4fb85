#include "modules/runtime/native/protocol.h"

#include <cstring>
#include <gtest/gtest.h>

namespace davit::shim_protocol {
namespace {

launch_plan full_plan() {
    launch_plan plan;
    plan.container_id = "c1";
    plan.hostname = "host";
    plan.domain_name = "example";
    plan.rootfs = {{"/l2", "/l1"}, "/u", "/w", true};
    plan.mounts = {{mount_kind::tmpfs, "", "/tmp", "size=1m", true, false, false},
                   {mount_kind::bind, "/src", "/dst", "", false, true, true}};
    plan.devices = {{"/dev/fuse", 'c', 10, 229, 0600}};
    plan.masked_paths = {"/proc/kcore"};
    plan.read_only_paths = {"/proc/sys"};
    plan.sysctls = {{"net.ipv4.ip_forward", "1"}};
    plan.shm_size = 1234567;
    plan.is_privileged = true;
    plan.process.arguments = {"sh", "-c", "echo ü"};
    plan.process.environment = {"A=b"};
    plan.process.working_directory = "/w";
    plan.process.user = "1000:1000";
    plan.process.additional_groups = {"audio", "7"};
    plan.process.bounding_capabilities = 0xdeadbeefcafe;
    plan.process.no_new_privileges = true;
    plan.process.seccomp_filter = std::string("\0\1\2\0", 4);
    plan.process.rlimits = {{7, 10, 20}};
    plan.process.oom_score_adjust = -5;
    plan.process.wants_tty = true;
    plan.process.wants_stdin = true;
    plan.process.tty_rows = 24;
    plan.process.tty_columns = 80;
    plan.cgroup = {"davit/c1", {{"memory", "memory.limit_in_bytes", "1"}}, true};
    return plan;
}

TEST(protocol, a_plan_comes_out_as_it_went_in) {
    const launch_request request{77, full_plan()};
    const auto back = decode<launch_request>(encode(request));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->sandbox, 77u);
    EXPECT_EQ(back->plan, request.plan);
}

TEST(protocol, a_message_that_ends_early_anywhere_is_refused) {
    const auto whole = encode(launch_request{1, full_plan()});
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(decode<launch_request>(std::string_view{whole}.substr(0, length))) << length;
}

TEST(protocol, bytes_left_over_are_refused) {
    EXPECT_FALSE(decode<launch_request>(encode(launch_request{1, full_plan()}) + "x"));
    EXPECT_FALSE(decode<nothing>("x"));
}

TEST(protocol, a_count_larger_than_the_message_allocates_nothing) {
    std::string lie(8, '\0');                  // sandbox
    lie += std::string("\xff\xff\xff\xff", 4); // interfaces
    EXPECT_FALSE(decode<network_request>(lie));
}

TEST(protocol, text_with_a_nul_is_refused) {
    EXPECT_FALSE(decode<container_name>(encode(container_name{std::string("a\0b", 3)})));
    EXPECT_TRUE(decode<container_name>(encode(container_name{"ab"})));
}

TEST(protocol, values_that_no_enumeration_has_are_refused) {
    auto bytes = encode(failure{failure_kind::internal, 5, "text"});
    bytes[0] = 9;
    EXPECT_FALSE(decode<failure>(bytes));
    auto flag = encode(exited{"a", 1, true, 5});
    flag[flag.size() - 9] = 2;
    EXPECT_FALSE(decode<exited>(flag));
}

TEST(protocol, a_payload_above_the_cap_is_refused_unread) {
    EXPECT_FALSE(decode<container_name>(encode(container_name{std::string(maximum_frame, 'a')})));
}

TEST(protocol, a_frame_without_its_length_is_taken_apart_again) {
    const auto bytes = unmeasured_frame(message_type::release, 42, "payload");
    const auto parts = split(bytes);
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->type, message_type::release);
    EXPECT_EQ(parts->request, 42u);
    EXPECT_EQ(parts->payload, "payload");
    EXPECT_FALSE(split(bytes.substr(0, 11)));
    std::uint32_t length = 0;
    const auto whole = frame(message_type::release, 42, 0, "payload");
    std::memcpy(&length, whole.data(), sizeof length);
    EXPECT_EQ(length + sizeof length, whole.size());
}

} // namespace
} // namespace davit::shim_protocol
