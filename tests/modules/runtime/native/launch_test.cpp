#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::HasSubstr;
using ::testing::Not;

class launch : public container_test {};

TEST_F(launch, exit_codes_come_back) {
    EXPECT_EQ(run(plan_of({"/bin/true"})).code, 0);
    EXPECT_EQ(run(plan("exit 7")).code, 7);
    EXPECT_EQ(run(plan("kill -TERM $$; sleep 5")).code, 0); // pid 1 ignores what it does not handle
    EXPECT_EQ(run(plan("sh -c 'kill -9 $$'; exit $?")).code, 137);
}

TEST_F(launch, output_and_errors_are_separate) {
    const auto result = run(plan("echo out; echo err >&2"));
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.errors, "err\n");
}

TEST_F(launch, the_environment_is_what_was_asked_and_home) {
    auto asked = plan_of({"env"});
    asked.process.environment.push_back("TOKEN=x=y");
    EXPECT_EQ(run(asked).output, "PATH=/bin\nTOKEN=x=y\nHOME=/root\n");
    asked = plan_of({"env"});
    asked.process.environment.push_back("HOME=/elsewhere");
    EXPECT_EQ(run(asked).output, "PATH=/bin\nHOME=/elsewhere\n");
}

TEST_F(launch, users_and_groups_are_looked_up_in_the_image) {
    const auto id = [&](const std::string& user, std::vector<std::string> groups = {}) {
        auto asked = plan("id -u; id -g; id -G; echo $HOME");
        asked.process.user = user;
        asked.process.additional_groups = std::move(groups);
        const auto result = run(asked);
        return result.failed ? result.failed->sentence : result.output;
    };
    EXPECT_EQ(id(""), "0\n0\n0 10\n/root\n");
    EXPECT_EQ(id("bob"), "1234\n1235\n1235 29\n/home/bob\n");
    EXPECT_EQ(id("1234"), "1234\n1235\n1235 29\n/home/bob\n");
    EXPECT_EQ(id("bob:wheel"), "1234\n10\n10\n/home/bob\n");
    EXPECT_EQ(id("4000:4001"), "4000\n4001\n4001\n/\n");
    EXPECT_EQ(id("4000"), "4000\n0\n0\n/\n");
    EXPECT_EQ(id("4000", {"audio", "77"}), "4000\n0\n0 29 77\n/\n");
    EXPECT_EQ(id("eve"), "unable to find user eve: no matching entries in passwd file");
    EXPECT_EQ(id("bob:eves"), "unable to find group eves: no matching entries in group file");
    EXPECT_EQ(id("bob", {"eves"}), "unable to find group eves: no matching entries in group file");
}

TEST_F(launch, capabilities_are_the_bounding_set_for_root_and_none_for_others) {
    const auto asked = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    EXPECT_EQ(run(asked).output, "CapInh:=0000000000000000;CapPrm:=00000000a80425fb;CapEff:=00000000a80425fb;"
                                 "CapBnd:=00000000a80425fb;CapAmb:=0000000000000000;");
    auto user = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    user.process.user = "1000";
    EXPECT_EQ(run(user).output, "CapInh:=0000000000000000;CapPrm:=0000000000000000;CapEff:=0000000000000000;"
                                "CapBnd:=00000000a80425fb;CapAmb:=0000000000000000;");
    auto none = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    none.process.bounding_capabilities = 0;
    EXPECT_EQ(run(none).output, "CapInh:=0000000000000000;CapPrm:=0000000000000000;CapEff:=0000000000000000;"
                                "CapBnd:=0000000000000000;CapAmb:=0000000000000000;");
}

TEST_F(launch, the_filter_is_in_place_and_no_new_privs_when_asked) {
    const auto show = "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status | tr '\\n\\t' ';='";
    EXPECT_EQ(run(plan(show)).output, "NoNewPrivs:=0;Seccomp:=2;");
    auto strict = plan(show);
    strict.process.no_new_privileges = true;
    strict.process.user = "bob";
    EXPECT_EQ(run(strict).output, "NoNewPrivs:=1;Seccomp:=2;");
    auto user = plan(show);
    user.process.user = "bob";
    EXPECT_EQ(run(user).output, "NoNewPrivs:=0;Seccomp:=2;");
}

TEST_F(launch, namespaces_are_its_own_and_the_hosts_where_asked) {
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

TEST_F(launch, its_mounts_are_these_and_no_path_of_the_host) {
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

TEST_F(launch, masked_paths_are_empty_and_read_only_paths_cannot_be_written) {
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

TEST_F(launch, programs_that_can_not_run_are_named_as_docker_names_them) {
    on_host("cp " + image_ + "/bin/busybox " + image_ + "/plain && chmod 644 " + image_ +
            "/plain; printf '#!/no/such\\n' > " + image_ + "/lost; chmod 755 " + image_ + "/lost; echo nonsense > " +
            image_ + "/nonsense; chmod 755 " + image_ + "/nonsense");
    const auto sentence = [&](std::vector<std::string> arguments) {
        const auto result = run(plan_of(std::move(arguments)));
        if (!result.failed) return "it ran and exited with " + std::to_string(result.code);
        EXPECT_EQ(result.failed->kind, shim_protocol::failure_kind::invalid);
        return result.failed->sentence;
    };
    EXPECT_EQ(sentence({"foo"}), "exec: \"foo\": executable file not found in $PATH");
    EXPECT_EQ(sentence({"/nope"}), "exec: \"/nope\": stat /nope: no such file or directory");
    EXPECT_EQ(sentence({"/etc/passwd"}), "exec: \"/etc/passwd\": permission denied");
    EXPECT_EQ(sentence({"/plain"}), "exec: \"/plain\": permission denied");
    EXPECT_EQ(sentence({"/etc"}), "exec: \"/etc\": is a directory");
    EXPECT_EQ(sentence({"/lost"}), "exec /lost: no such file or directory");
    EXPECT_EQ(sentence({"/nonsense"}), "exec /nonsense: exec format error");
    EXPECT_EQ(sentence({""}), "no command specified");
    EXPECT_EQ(sentence({"/bin/true"}), "it ran and exited with 0");
}

TEST_F(launch, a_terminal_is_the_three_streams_the_console_and_has_its_size) {
    auto asked =
        plan("stty size; readlink /proc/self/fd/0; readlink /proc/self/fd/2; [ -c /dev/console ] && stat -c %t "
             "/dev/console; echo hello > /dev/tty");
    asked.process.wants_tty = true;
    asked.process.tty_rows = 24;
    asked.process.tty_columns = 81;
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "24 81\r\n/dev/pts/0\r\n/dev/pts/0\r\n88\r\nhello\r\n");
}

TEST_F(launch, stdin_is_nothing_unless_it_was_asked_for) {
    EXPECT_EQ(run(plan("readlink /proc/self/fd/0; cat; echo end")).output, "/dev/null\nend\n");
    auto asked = plan("cat; echo end");
    asked.process.wants_stdin = true;
    const auto sandbox = shim_->make_sandbox(usual());
    auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed);
    ASSERT_EQ(write(launched.stdin_writer, "typed\n", 6), 6);
    close(launched.stdin_writer);
    // The shim's own copy keeps it open until that is closed too.
    EXPECT_FALSE(
        shim_->ask(message_type::close_stdin, encode(shim_protocol::container_name{asked.container_id})).failed);
    EXPECT_EQ(read_all(launched.output), "typed\nend\n");
    close(launched.errors);
    EXPECT_EQ(shim_->wait(asked.container_id).code, 0);
    EXPECT_FALSE(shim_->release(asked.container_id));
}

TEST_F(launch, no_descriptor_beyond_the_streams_is_open) {
    EXPECT_EQ(run(plan("ls /proc/self/fd | tr '\\n' ' '")).output, "0 1 2 3 "); // 3: the listing's own
}

TEST_F(launch, it_is_in_its_cgroups_and_they_go_with_it) {
    const auto asked = plan("sleep 20");
    const auto sandbox = shim_->make_sandbox(usual());
    const auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed);
    const auto table = host_says("cat /proc/" + std::to_string(launched.launched.pid) + "/cgroup");
    for (const char* controller : {"memory", "pids", "devices", "freezer", "blkio", "cpuacct"})
        EXPECT_THAT(table, HasSubstr(std::string{controller} + ":/" + asked.cgroup.path)) << table;
    EXPECT_FALSE(
        shim_->ask(message_type::signal, encode(shim_protocol::signal_request{asked.container_id, SIGKILL, true}))
            .failed);
    EXPECT_EQ(shim_->wait(asked.container_id).code, 137);
    close(launched.output);
    close(launched.errors);
    EXPECT_FALSE(shim_->release(asked.container_id));
    for (int i = 0; i < 100 && std::filesystem::exists("/sys/fs/cgroup/memory/" + asked.cgroup.path); ++i) usleep(5000);
    EXPECT_EQ(host_says("ls -d /sys/fs/cgroup/*/" + asked.cgroup.path + " 2>/dev/null"), "");
}

TEST_F(launch, cgroups_of_another_parent_than_usual_are_made_at_launch) {
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

TEST_F(launch, limits_settings_and_a_killing_for_memory_are_seen) {
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

TEST_F(launch, a_unified_hierarchy_holds_it_with_device_rules_and_kills_it_whole) {
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
    EXPECT_FALSE(
        shim_->ask(message_type::signal, encode(shim_protocol::signal_request{asked.container_id, SIGKILL, true}))
            .failed);
    EXPECT_EQ(shim_->wait(asked.container_id).code, 137);
    close(launched.output);
    close(launched.errors);
    EXPECT_FALSE(shim_->release(asked.container_id));
    shim_.reset();
    EXPECT_EQ(host_says("ls -d " + unified + "/" + cgroup_parent_ + "/*/ 2>/dev/null"), "");
}

TEST_F(launch, interfaces_get_addresses_routes_and_neighbours_and_speak_no_ipv6) {
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

TEST_F(launch, extra_mounts_sysctls_devices_and_limits_are_made) {
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

TEST_F(launch, a_read_only_root_is_read_only_and_its_mounts_are_not) {
    auto asked = plan("touch /x 2>&1; touch /dev/shm/x && echo fine");
    asked.rootfs.is_read_only = true;
    EXPECT_EQ(run(asked).output, "touch: /x: Read-only file system\nfine\n");
}

TEST_F(launch, a_privileged_container_has_no_masks_and_can_write_sys) {
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

TEST_F(launch, many_layers_with_long_names_are_one_root) {
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

TEST_F(launch, a_root_without_layers_above_is_bound) {
    auto asked = plan("touch /made; echo done");
    asked.rootfs.host_upper.clear();
    asked.rootfs.host_work.clear();
    EXPECT_EQ(run(asked).output, "done\n");
    EXPECT_TRUE(std::filesystem::exists(image_ + "/made"));
}

TEST_F(launch, the_working_directory_is_made_and_entered) {
    auto asked = plan("pwd");
    asked.process.working_directory = "/a/b/c";
    EXPECT_EQ(run(asked).output, "/a/b/c\n");
    asked = plan("pwd");
    asked.process.working_directory = "/etc/passwd";
    EXPECT_TRUE(run(asked).failed);
}

TEST_F(launch, nothing_is_left_on_the_host) {
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
    EXPECT_EQ(host_says("pgrep -P " + std::to_string(shim_->pid())), "");
    EXPECT_EQ(host_says("ls /proc/" + std::to_string(shim_->pid()) + "/fd | wc -l"),
              "7\n"); // 0-2, epoll, signals, socket, us
}

TEST_F(launch, a_launch_whose_engine_vanished_before_it_was_told_never_was) {
    const auto asked = plan("sleep 600");
    const auto sandbox = shim_->make_sandbox(usual());
    kill(sandbox.pid, SIGSTOP); // Its launch takes as long as we like
    shim_->tell(message_type::launch, encode(shim_protocol::launch_request{sandbox.id, asked}));
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

TEST_F(launch, a_process_that_can_not_be_put_into_its_cgroups_leaves_none_of_those_made_ahead) {
    auto asked = plan("true");
    asked.cgroup.path = cgroup_parent_ + "/cgroup.procs/x"; // Neither renamed to nor made: that is a file
    EXPECT_TRUE(run(asked).failed);
    EXPECT_EQ(cgroups_left(), "");
}

TEST_F(launch, cgroups_of_a_shim_that_has_gone_are_swept_though_another_process_has_its_number) {
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

TEST_F(launch, sandboxes_of_an_engine_that_vanishes_are_gone_and_containers_stay) {
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
