#include "modules/containers/container_plan.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/modules/containers/four_processors.h"

namespace davit {
namespace {

class plain_profiles final : public security_profiles {
  public:
    std::uint64_t default_capabilities() const override { return 0b1011; }
    std::uint64_t capability_bits(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                  bool is_privileged, std::vector<std::string>&) const override {
        if (is_privileged) return 0b1111;
        return (default_capabilities() | (add.empty() ? 0u : 0b100u)) & ~(drop.empty() ? 0u : 1u);
    }
    const std::string& seccomp_filter(std::uint64_t) const override { return filter_; }
    const std::vector<std::string>& masked_paths() const override { return masked_; }
    const std::vector<std::string>& read_only_paths() const override { return read_only_; }

  private:
    std::string filter_ = "filter";
    std::vector<std::string> masked_ = {"/proc/kcore"};
    std::vector<std::string> read_only_ = {"/proc/sys"};
};

container_record a_container() {
    container_record record;
    record.id = std::string(64, 'a');
    record.config.hostname = "aaaaaaaaaaaa";
    record.config.command = std::vector<std::string>{"true"};
    record.host.network_mode = "bridge";
    record.host.shm_size = 64 << 20;
    return record;
}

launch_plan plan_of(const container_record& record) {
    return make_launch_plan(record, rootfs_plan{{"/layers/1"}, "/upper", "/work", false},
                            {cgroup_version::v2, "/data/containers"}, plain_profiles{});
}

using strings = std::vector<std::string>;

TEST(container_plan, a_plain_container_gets_the_defaults) {
    const launch_plan plan = plan_of(a_container());
    EXPECT_EQ(plan.process.arguments, strings{"true"});
    EXPECT_EQ(plan.process.environment,
              (strings{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=aaaaaaaaaaaa"}));
    EXPECT_EQ(plan.process.bounding_capabilities, 0b1011u);
    EXPECT_EQ(plan.process.seccomp_filter, "filter");
    EXPECT_EQ(plan.masked_paths, strings{"/proc/kcore"});
    EXPECT_EQ(plan.cgroup.path, "davit/" + std::string(64, 'a'));
    EXPECT_FALSE(plan.cgroup.devices_are_open);
    ASSERT_EQ(plan.mounts.size(), 3u);
    EXPECT_EQ(plan.mounts[0].host_source, "/data/containers/" + std::string(64, 'a') + "/resolv.conf");
    EXPECT_EQ(plan.mounts[0].target, "/etc/resolv.conf");
    EXPECT_TRUE(plan.mounts[0].is_engine_file);
}

TEST(container_plan, variables_override_defaults_and_one_without_a_value_takes_them_away) {
    container_record record = a_container();
    record.config.tty = true;
    record.config.environment = strings{"PATH=/bin", "HOSTNAME", "A=1", "A=2"};
    EXPECT_EQ(plan_of(record).process.environment, (strings{"PATH=/bin", "TERM=xterm", "A=2"}));
}

TEST(container_plan, a_privileged_container_has_all_and_no_masks) {
    container_record record = a_container();
    record.host.is_privileged = true;
    const launch_plan plan = plan_of(record);
    EXPECT_TRUE(plan.is_privileged);
    EXPECT_EQ(plan.process.bounding_capabilities, 0b1111u);
    EXPECT_TRUE(plan.process.seccomp_filter.empty());
    EXPECT_TRUE(plan.masked_paths.empty());
    EXPECT_TRUE(plan.cgroup.devices_are_open);
}

TEST(container_plan, security_options_do_what_they_say) {
    container_record record = a_container();
    record.host.security_options = strings{"seccomp=unconfined", "no-new-privileges", "systempaths=unconfined"};
    const launch_plan plan = plan_of(record);
    EXPECT_TRUE(plan.process.seccomp_filter.empty());
    EXPECT_TRUE(plan.process.no_new_privileges);
    EXPECT_TRUE(plan.read_only_paths.empty());
    record.host.security_options = strings{"no-new-privileges:false"};
    EXPECT_FALSE(plan_of(record).process.no_new_privileges);
}

TEST(container_plan, plans_of_one_image_share_nothing) {
    container_record one = a_container();
    container_record other = a_container();
    one.config.environment = strings{"TOKEN=one"};
    other.config.environment = strings{"TOKEN=other"};
    const launch_plan first = plan_of(one);
    const launch_plan second = plan_of(other);
    EXPECT_EQ(first.process.environment.back(), "TOKEN=one");
    EXPECT_EQ(second.process.environment.back(), "TOKEN=other");
    EXPECT_EQ(plan_of(one), first);
}

TEST(container_plan, modes_choose_the_sandbox) {
    host_config host;
    host.network_mode = "host";
    host.pid_mode = "host";
    const sandbox_request asked = sandbox_for(host);
    EXPECT_EQ(asked.network, "host");
    EXPECT_FALSE(asked.shape.own_network);
    EXPECT_FALSE(asked.shape.own_pid);
    EXPECT_TRUE(asked.shape.own_ipc);
    EXPECT_TRUE(asked.shape.own_cgroup);
}

TEST(container_plan, nothing_to_run_is_refused) {
    container_record record = a_container();
    record.config.command.reset();
    EXPECT_THROW(plan_of(record), error);
}

std::string value_of(const std::vector<cgroup_setting>& settings, std::string_view file) {
    const auto at = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.file == file; });
    return at == settings.end() ? "" : at->value;
}

TEST(cgroup_limits, one_request_becomes_the_files_of_either_version) {
    host_config host;
    host.memory = 64 << 20;
    host.memory_swap = 128 << 20;
    host.nano_cpus = 1'500'000'000;
    host.cpu_shares = 1024;
    host.pids_limit = 20;
    const auto v1 = cgroup_settings(host, cgroup_version::v1);
    EXPECT_EQ(value_of(v1, "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(value_of(v1, "memory.memsw.limit_in_bytes"), "134217728");
    EXPECT_EQ(value_of(v1, "cpu.cfs_quota_us"), "150000");
    EXPECT_EQ(value_of(v1, "cpu.shares"), "1024");
    EXPECT_EQ(value_of(v1, "pids.max"), "20");
    const auto v2 = cgroup_settings(host, cgroup_version::v2);
    EXPECT_EQ(value_of(v2, "memory.max"), "67108864");
    EXPECT_EQ(value_of(v2, "memory.swap.max"), "67108864");
    EXPECT_EQ(value_of(v2, "cpu.max"), "150000 100000");
    EXPECT_EQ(value_of(v2, "cpu.weight"), "39");
    EXPECT_EQ(value_of(v2, "pids.max"), "20");
}

TEST(cgroup_limits, limits_that_can_not_be_right_are_refused) {
    std::vector<std::string> warnings;
    const auto refuses = [&](auto change) {
        host_config host;
        change(host);
        EXPECT_THROW(check_cgroup_limits(host, four_processors, warnings), error);
    };
    refuses([](host_config& h) { h.memory = 1; });
    refuses([](host_config& h) { h.memory = -5; });
    refuses([](host_config& h) { h.memory = 8 << 20, h.memory_swap = 7 << 20; });
    refuses([](host_config& h) { h.cpuset_cpus = "0-9223372036854775807"; });
    refuses([](host_config& h) { h.cpuset_cpus = "1,"; });
    refuses([](host_config& h) { h.cpuset_cpus = "3-1"; });
    refuses([](host_config& h) { h.nano_cpus = 1, h.cpu_quota = 5000; });
    refuses([](host_config& h) { h.cgroup_parent = "../x"; });
    refuses([](host_config& h) { h.pids_limit = -7; });
    host_config good;
    good.cpuset_cpus = "0-1,3";
    EXPECT_NO_THROW(check_cgroup_limits(good, four_processors, warnings));
}

} // namespace
} // namespace davit
