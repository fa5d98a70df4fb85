#include <filesystem>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a container sees of namespaces and mounts, its own and the host's.
class launch_isolation : public container_test {};

TEST_F(launch_isolation, namespaces_are_its_own_and_the_hosts_where_asked) {
    const auto show =
        plan("for n in net ipc uts cgroup pid mnt; do readlink /proc/self/ns/$n; done; hostname; echo $$");
    const auto host = host_says("readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/cgroup "
                                "/proc/self/ns/pid /proc/self/ns/mnt");
    const auto lines = [](const std::string& text) {
        std::vector<std::string> all;
        for (std::size_t start = 0, end = 0; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
            all.push_back(text.substr(start, end - start));
        return all;
    };
    const auto of_host = lines(host);
    const auto own = lines(run(show).output);
    ASSERT_EQ(own.size(), 8u);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NE(own[i], of_host[i]);
    EXPECT_EQ(own[6], "box");
    EXPECT_EQ(own[7], "1");
    auto again = plan("for n in net ipc uts cgroup pid; do readlink /proc/self/ns/$n; done; ls /sys/class/net");
    const auto shared = run(again, {false, false, false, false, false});
    ASSERT_FALSE(shared.failed) << shared.failed->sentence;
    const auto of_container = lines(shared.output);
    ASSERT_GE(of_container.size(), 6u);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(of_container[i], of_host[i]);
    EXPECT_THAT(shared.output, HasSubstr("\nlo\n"));
}

TEST_F(launch_isolation, its_mounts_are_these_and_no_path_of_the_host) {
    const auto result = run(plan("while read a b c d e f; do echo $e; done < /proc/self/mountinfo"));
    for (const char* target : {"/\n", "/proc\n", "/sys\n", "/sys/fs/cgroup\n", "/dev\n", "/dev/pts\n", "/dev/shm\n",
                               "/dev/mqueue\n", "/proc/sys\n", "/proc/bus\n"})
        EXPECT_THAT("\n" + result.output, HasSubstr("\n" + std::string{target}));
    EXPECT_THAT(result.output, Not(HasSubstr(shim_->directory())));
    const auto table = run(plan("cat /proc/self/mountinfo")).output;
    EXPECT_THAT(table, HasSubstr("/sys ro,nosuid,nodev,noexec"));
    EXPECT_THAT(table, HasSubstr("- proc proc "));
    EXPECT_THAT(table, HasSubstr("- overlay overlay "));
}

TEST_F(launch_isolation, masked_paths_are_empty_and_read_only_paths_cannot_be_written) {
    for (const auto& path : usual().masked_paths) {
        const auto result = run(plan("if [ -d " + path + " ]; then ls -A " + path + " | wc -l; touch " + path +
                                     "/x 2>&1; elif [ -e " + path + " ]; then cat " + path + " | wc -c; fi"));
        EXPECT_THAT(result.output, ::testing::AnyOf("", "0\n", HasSubstr("0\ntouch"))) << path;
    }
    const auto result =
        run(plan("for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/irq/default_smp_affinity; do "
                 "[ -e $f ] && (echo x > $f) 2>&1; done; mkdir /sys/fs/cgroup/x 2>&1; touch /sys/x 2>&1"));
    EXPECT_EQ(result.output.find("nonexistent"), std::string::npos);
    EXPECT_THAT(result.output, HasSubstr("core_pattern: Read-only file system"));
    EXPECT_THAT(result.output, HasSubstr("'/sys/fs/cgroup/x': Read-only file system"));
}

TEST_F(launch_isolation, paths_beyond_proc_and_sys_are_masked_and_protected_too) {
    on_host("mkdir -p " + image_ + "/usr/bin " + image_ + "/data " + directory_ + "/volume/keys && cp /bin/busybox " +
            image_ + "/usr/bin/busybox && echo secret > " + image_ + "/data/key && echo secret > " + directory_ +
            "/volume/keys/one && ln -s /data/key " + image_ + "/link");
    auto asked = plan("cat /data/key; ls /v/keys; touch /usr/x 2>&1; /usr/bin/busybox echo runs; touch /v/keys/x 2>&1");
    asked.mounts = {{mount_kind::bind, directory_ + "/volume", "/v", "", false, true, false}};
    for (const char* path : {"/link", "/v/keys", "/not/there"}) asked.masked_paths.push_back(path);
    asked.read_only_paths.push_back("/usr");
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "touch: /usr/x: Read-only file system\nruns\ntouch: /v/keys/x: Read-only file system\n");
}

TEST_F(launch_isolation, interfaces_get_addresses_routes_and_neighbours_and_speak_no_ipv6) {
    on_host("ln -sf busybox " + image_ + "/bin/ip");
    const auto sandbox = shim_->make_sandbox(usual());
    const auto port = "dt" + std::to_string(getpid());
    on_host("ip link add " + port + " type veth peer name eth0 netns " + std::to_string(sandbox.pid));
    network_plan network;
    network.interfaces = {{"eth0", {"10.99.0.2/24"}, {"10.99.0.1"}, {{"10.99.0.1", "02:00:00:00:00:01"}}, true}};
    const auto configured =
        shim_->ask(message_type::configure_network, encode(shim_protocol::network_request{sandbox.id, network}));
    ASSERT_FALSE(configured.failed) << configured.failed->sentence;
    const auto asked = plan("ip -4 addr show; ip route; ip neigh; ip -6 addr show dev eth0; cat "
                            "/proc/sys/net/ipv6/conf/eth0/disable_ipv6");
    const auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed);
    const auto output = read_all(launched.output);
    close(launched.errors);
    EXPECT_THAT(output, HasSubstr("inet 127.0.0.1/8 scope host lo"));
    EXPECT_THAT(output, HasSubstr("inet 10.99.0.2/24 brd 10.99.0.255 scope global eth0"));
    EXPECT_THAT(output, HasSubstr("default via 10.99.0.1 dev eth0"));
    EXPECT_THAT(output, HasSubstr("10.99.0.1 dev eth0 lladdr 02:00:00:00:00:01"));
    EXPECT_THAT(output, HasSubstr("PERMANENT"));
    EXPECT_THAT(output, ::testing::EndsWith("PERMANENT\n1\n"));
    shim_->wait(asked.container_id);
    shim_->release(asked.container_id);

    const auto wrong = shim_->make_sandbox(usual());
    const auto refused =
        shim_->ask(message_type::configure_network, encode(shim_protocol::network_request{wrong.id, network}));
    ASSERT_TRUE(refused.failed);
    EXPECT_THAT(refused.failed->sentence, HasSubstr("finding interface eth0"));
    EXPECT_TRUE(shim_->launch(wrong.id, plan("true")).failed);
}

TEST_F(launch_isolation, more_addresses_than_a_sockets_usual_room_holds_answers_are_given) {
    on_host("ln -sf busybox " + image_ + "/bin/ip");
    network_plan network;
    network.interfaces = {{"lo", {}, {}, {}, false}};
    for (int i = 0; i < 1000; ++i)
        network.interfaces[0].addresses.push_back("10.9." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                                                  "/32");
    const auto sandbox = shim_->make_sandbox(usual());
    const auto configured =
        shim_->ask(message_type::configure_network, encode(shim_protocol::network_request{sandbox.id, network}));
    ASSERT_FALSE(configured.failed) << configured.failed->sentence;
    const auto asked = plan("ip addr show dev lo | grep -c 'inet 10.9.'");
    const auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed) << launched.failed->sentence;
    EXPECT_EQ(read_all(launched.output), "1000\n");
    close(launched.errors);
    shim_->wait(asked.container_id);
    shim_->release(asked.container_id);
}

TEST_F(launch_isolation, extra_mounts_sysctls_devices_and_limits_are_made) {
    on_host("mkdir " + directory_ + "/volume && echo inside > " + directory_ + "/volume/file && echo 1.2.3.4 > " +
            directory_ + "/hosts");
    auto asked = plan(
        "cat /v/w/file; touch /v/w/new 2>&1; cat /etc/hosts; cat /proc/sys/net/ipv4/ip_default_ttl; ls -l /dev/extra | "
        "head -c 10; echo; stat -f -c %T /scratch; ulimit -n; cat /proc/sys/kernel/msgmax; stat -f -c '%b %s' "
        "/dev/shm");
    asked.mounts = {{mount_kind::bind, directory_ + "/volume", "/v/w", "", true, true, false},
                    {mount_kind::bind, directory_ + "/hosts", "/etc/hosts", "", false, false, true},
                    {mount_kind::tmpfs, "", "/scratch", "size=1m,mode=700,noexec", false, true, false}};
    asked.devices = {{"/dev/extra", 'c', 1, 3, 0666}};
    asked.sysctls = {{"net.ipv4.ip_default_ttl", "99"}, {"kernel.msgmax", "4096"}};
    asked.process.rlimits = {{7, 100, 200}};
    asked.shm_size = 8 << 20;
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output,
              "inside\ntouch: /v/w/new: Read-only file system\n1.2.3.4\n99\ncrw-rw-rw-\ntmpfs\n100\n4096\n2048 4096\n");
}

TEST_F(launch_isolation, a_read_only_root_is_read_only_and_its_mounts_are_not) {
    auto asked = plan("touch /x 2>&1; touch /dev/shm/x && echo fine");
    asked.rootfs.is_read_only = true;
    EXPECT_EQ(run(asked).output, "touch: /x: Read-only file system\nfine\n");
}

TEST_F(launch_isolation, a_privileged_container_has_no_masks_and_can_write_sys) {
    auto asked = plan("cat /proc/timer_list | head -c 5 | wc -c; grep ' /sys ' /proc/self/mountinfo; mkdir "
                      "/sys/fs/cgroup/memory/x && "
                      "ls -d /sys/fs/cgroup/memory/x");
    asked.is_privileged = true;
    asked.masked_paths.clear();
    asked.read_only_paths.clear();
    asked.process.seccomp_filter.clear();
    asked.cgroup.devices_are_open = true;
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_THAT(result.output, HasSubstr("5\n"));
    EXPECT_THAT(result.output, HasSubstr("/sys rw,"));
    EXPECT_THAT(result.output, HasSubstr("/sys/fs/cgroup/memory/x\n"));
}

TEST_F(launch_isolation, many_layers_with_long_names_are_one_root) {
    auto asked = plan("for i in 1 2 3 40; do cat /file$i; done; cat /same");
    asked.rootfs.host_layers.clear();
    const std::string longest(200, 'x');
    for (int i = 1; i <= 40; ++i) {
        const auto layer = directory_ + "/" + longest + std::to_string(i) + "/" + longest;
        std::filesystem::create_directories(layer);
        on_host("echo " + std::to_string(i) + " > " + layer + "/file" + std::to_string(i) + "; echo from" +
                std::to_string(i) + " > " + layer + "/same");
        asked.rootfs.host_layers.push_back(layer);
    }
    asked.rootfs.host_layers.push_back(image_);
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "1\n2\n3\n40\nfrom1\n");
}

TEST_F(launch_isolation, a_root_without_layers_above_is_bound) {
    auto asked = plan("touch /made; echo done");
    asked.rootfs.host_upper.clear();
    asked.rootfs.host_work.clear();
    EXPECT_EQ(run(asked).output, "done\n");
    EXPECT_TRUE(std::filesystem::exists(image_ + "/made"));
}

} // namespace
} // namespace davit::shim::testing
