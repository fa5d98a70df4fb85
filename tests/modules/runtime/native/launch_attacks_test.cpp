#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;
using ::testing::AnyOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;

/// Images and requests that try to reach the host.
class launch_attack : public canary_test {
  protected:
    std::string refusal(const launch_plan& plan) {
        const auto result = run(plan);
        EXPECT_TRUE(result.failed) << "it ran: " << result.output << result.errors;
        return result.failed ? result.failed->sentence : "";
    }
};

TEST_F(launch_attack, an_image_with_links_for_proc_sys_or_dev_is_refused) {
    for (const char* name : {"proc", "sys", "dev"})
        for (const std::string& to : {canary_, "../../../.." + canary_, std::string{"/tmp"}, std::string{"/"}}) {
            const auto place = image_ + "/" + name;
            on_host("rmdir " + place + " && ln -s " + to + " " + place);
            EXPECT_THAT(refusal(plan_of({"/bin/true"})),
                        HasSubstr("/" + std::string{name} + " in the image is not a directory"));
            on_host("rm " + place + " && mkdir " + place);
        }
    on_host("rmdir " + image_ + "/proc && touch " + image_ + "/proc");
    EXPECT_THAT(refusal(plan_of({"/bin/true"})), HasSubstr("/proc in the image is not a directory"));
}

TEST_F(launch_attack, nothing_is_mounted_over_or_below_proc_and_the_cgroups) {
    on_host("mkdir " + directory_ + "/volume; ln -s /proc " + image_ + "/x; ln -s /sys/fs/cgroup " + image_ +
            "/y; ln -s / " + image_ + "/z");
    for (const char* target : {"/proc", "/proc/self/attr", "/proc/../proc", "/x/self", "/x", "/proc/sys/kernel",
                               "/sys/fs/cgroup", "/y/memory", "/z/proc/1", "/proc/acpi", "/sys/fs/cgroup/memory"}) {
        for (const auto kind : {mount_kind::bind, mount_kind::tmpfs}) {
            auto asked = plan_of({"/bin/true"});
            asked.mounts = {
                {kind, kind == mount_kind::bind ? directory_ + "/volume" : "", target, "", false, true, false}};
            EXPECT_THAT(refusal(asked), HasSubstr("nothing may be mounted")) << target;
        }
    }
    auto root = plan_of({"/bin/true"});
    root.mounts = {{mount_kind::bind, directory_ + "/volume", "/z", "", false, true, false}};
    EXPECT_THAT(refusal(root), HasSubstr("the container's root"));
}

TEST_F(launch_attack, links_in_an_image_lead_mounts_nowhere_but_inside) {
    on_host("mkdir " + directory_ + "/volume && echo mine > " + directory_ + "/volume/f; ln -s /etc " + image_ +
            "/data; ln -s ../../../../etc " + image_ + "/dots; ln -s " + canary_ + " " + image_ + "/out");
    auto asked = plan("cat /etc/x/f /etc/y/f; ls " + canary_);
    asked.mounts = {{mount_kind::bind, directory_ + "/volume", "/data/x", "", false, true, false},
                    {mount_kind::bind, directory_ + "/volume", "/dots/y", "", false, true, false},
                    {mount_kind::bind, directory_ + "/volume", "/out/new", "", false, true, false}};
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "mine\nmine\nnew\n"); // The link's target was made inside, where it belongs
    EXPECT_EQ(host_says("ls " + canary_), "secret\n");
}

TEST_F(launch_attack, a_working_directory_on_a_descriptor_leads_nowhere) {
    for (int number = 3; number <= 60; ++number) {
        auto asked = plan("cat ../../../../.." + canary_ + "/secret; cat ." + canary_ + "/secret; true");
        asked.process.working_directory = "/proc/self/fd/" + std::to_string(number);
        EXPECT_TRUE(run(asked).failed) << number;
    }
    on_host("ln -s /proc/self/fd/7 " + image_ + "/link");
    auto asked = plan("pwd");
    asked.process.working_directory = "/link/a";
    EXPECT_TRUE(run(asked).failed);
}

TEST_F(launch_attack, a_working_directory_through_a_link_is_made_inside) {
    on_host("ln -s " + canary_ + " " + image_ + "/a");
    auto asked = plan("pwd");
    asked.process.working_directory = "/a/b";
    asked.process.user = "1000";
    const auto result = run(asked);
    EXPECT_TRUE(result.failed || result.output == canary_ + "/b\n") << result.output;
    EXPECT_EQ(host_says("ls " + canary_), "secret\n");
}

TEST_F(launch_attack, another_processs_root_leads_nowhere_though_the_hosts_processes_are_seen) {
    sandbox_shape shape;
    shape.own_pid = false;
    on_host("ln -s /proc/" + std::to_string(getpid()) + "/root" + canary_ + " " + image_ + "/a");
    for (const auto& through : {"/proc/" + std::to_string(getpid()) + "/root" + canary_, std::string{"/a"}})
        for (const char* below : {"", "/b", "/b/c"}) {
            auto asked = plan("pwd");
            asked.process.working_directory = through + below;
            EXPECT_TRUE(run(asked, shape).failed) << asked.process.working_directory;
        }
    EXPECT_EQ(host_says("ls " + canary_), "secret\n");

    // A host's file that looks like one of users names nobody here.
    on_host("echo eve:x:0:0::/token-of-the-host: > " + directory_ + "/users && ln -sf /proc/" +
            std::to_string(getpid()) + "/root" + directory_ + "/users " + image_ + "/etc/passwd");
    auto asked = plan("echo $HOME");
    asked.process.user = "eve";
    const auto result = run(asked, shape);
    EXPECT_TRUE(result.failed) << result.output;
}

TEST_F(launch_attack, numbers_that_overflow_to_root_are_refused) {
    on_host("printf '1000:x:0:0::/:/bin/sh\\n4294967296:x:0:0::/:/bin/sh\\n' >> " + image_ + "/etc/passwd");
    auto asked = plan("id -u");
    asked.process.user = "1000";
    EXPECT_EQ(run(asked).output, "1000\n");
    for (const char* user : {"2147483648", "4294967296", "-1", "1:4294967296", "1:-1", "+0", "99999999999999999999"}) {
        asked = plan("id -u");
        asked.process.user = user;
        EXPECT_THAT(refusal(asked), HasSubstr("out of range")) << user;
    }
    asked = plan("id -G");
    asked.process.additional_groups = {"4294967296"};
    EXPECT_THAT(refusal(asked), HasSubstr("out of range"));
}

TEST_F(launch_attack, passwd_files_that_are_none_are_answered_at_once) {
    const auto file = image_ + "/etc/passwd";
    const auto attempt = [&](const std::string& make, const std::string& user) {
        on_host("rm -f " + file + " && " + make);
        auto asked = plan_of({"id", "-u"});
        asked.process.user = user;
        const auto began = std::chrono::steady_clock::now();
        const auto result = run(asked);
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{20}) << make; // It does not hang
        return result.failed ? result.failed->sentence : "ran: " + result.output;
    };
    EXPECT_THAT(attempt("mkfifo " + file, "bob"), HasSubstr("not a regular file"));
    EXPECT_THAT(attempt("truncate -s 4G " + file, "bob"), HasSubstr("too large"));
    EXPECT_THAT(attempt("ln -s /dev/zero " + file, "bob"), HasSubstr("not a regular file"));
    EXPECT_THAT(attempt("ln -s " + canary_ + "/secret " + file, "bob"), HasSubstr("unable to find user bob"));
    EXPECT_THAT(attempt("head -c 12M /dev/zero | tr '\\0' 'a' > " + file, "bob"), HasSubstr("too long a line"));
    EXPECT_THAT(attempt("yes a:x | head -c 8M > " + file, "bob"), HasSubstr("too many lines"));
    EXPECT_THAT(attempt("mkdir " + file, "bob"), HasSubstr("not a regular file"));
    on_host("rmdir " + file);
}

TEST_F(launch_attack, an_entrypoint_that_is_the_shim_itself_gets_a_sealed_copy) {
    const auto hash = host_says("sha256sum " DAVIT_SHIM);
    on_host("printf '#!/proc/self/exe\\n' > " + image_ + "/again && chmod 755 " + image_ + "/again");
    for (int i = 0; i < 20; ++i) run(plan_of({"/again"}));
    // From inside, every way to a program that is not the image's: none can be written to.
    const auto result = run(plan("for e in /proc/[0-9]*/exe; do (echo x > $e) 2>/dev/null && readlink $e; done; true"));
    EXPECT_THAT(result.output, AnyOf("", HasSubstr("busybox")));
    EXPECT_EQ(host_says("sha256sum " DAVIT_SHIM), hash);
    EXPECT_THAT(host_says("readlink /proc/" + std::to_string(shim_->pid()) + "/exe"), HasSubstr("/memfd:davit-shim"));
    EXPECT_THAT(host_says("(echo x > /proc/" + std::to_string(shim_->pid()) + "/exe) 2>&1"),
                HasSubstr("cannot create"));
}

TEST_F(launch_attack, a_volume_over_dev_changes_no_mask_and_no_terminal) {
    on_host("mkdir " + directory_ + "/dev && ln -s /proc/sys/kernel/core_pattern " + directory_ +
            "/dev/null && ln -s "
            "/proc/sys/kernel/core_pattern " +
            directory_ + "/dev/console");
    const auto pattern = host_says("cat /proc/sys/kernel/core_pattern");
    for (const bool terminal : {false, true}) {
        auto asked = plan("cat /proc/timer_list | wc -c; (echo x > /proc/sys/kernel/core_pattern) 2>&1");
        asked.process.wants_tty = terminal;
        asked.mounts = {{mount_kind::bind, directory_ + "/dev", "/dev", "", false, true, false}};
        const auto result = run(asked);
        ASSERT_FALSE(result.failed) << result.failed->sentence;
        EXPECT_THAT(result.output, HasSubstr("0"));
        EXPECT_THAT(result.output, HasSubstr("Read-only file system"));
    }
    EXPECT_EQ(host_says("cat /proc/sys/kernel/core_pattern"), pattern);
}

TEST_F(launch_attack, sysctls_of_the_host_are_refused_however_they_are_written) {
    const auto pattern = host_says("cat /proc/sys/kernel/core_pattern; cat /proc/sys/net/ipv4/ip_default_ttl");
    for (const char* key :
         {"kernel.core_pattern", "kernel.shm_rmid_forced=1+kernel.core_pattern", "net/../kernel/core_pattern",
          "net..kernel", "net.", ".net.ipv4.ip_default_ttl", "vm.swappiness", "kernel.sem/../core_pattern",
          "fs.file-max", "kernel.msgmax ", "net.ipv4/../../kernel/core_pattern"}) {
        auto asked = plan_of({"/bin/true"});
        asked.sysctls = {{key, "1"}};
        EXPECT_THAT(refusal(asked), HasSubstr("not allowed")) << key;
    }
    auto asked = plan_of({"/bin/true"});
    asked.sysctls = {{"net.ipv4.ip_default_ttl", "33"}};
    sandbox_shape host_network;
    host_network.own_network = false;
    auto result = run(asked, host_network);
    ASSERT_TRUE(result.failed);
    EXPECT_THAT(result.failed->sentence, HasSubstr("its namespace is the host's"));
    asked.sysctls = {{"kernel.msgmax", "33"}};
    sandbox_shape host_ipc;
    host_ipc.own_ipc = false;
    result = run(asked, host_ipc);
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(host_says("cat /proc/sys/kernel/core_pattern; cat /proc/sys/net/ipv4/ip_default_ttl"), pattern);
}

TEST_F(launch_attack, devices_of_the_host_can_neither_be_made_nor_read) {
    const auto result =
        run(plan("for d in 'b 8 0' 'c 1 1' 'b 7 0' 'b 254 0'; do mknod /dev/x $d 2>&1; done; mknod /dev/mine c 1 3 && "
                 "echo fine; (dd if=/dev/kmsg of=/dev/null count=1) 2>&1"));
    EXPECT_EQ(result.output, "mknod: /dev/x: Operation not permitted\nmknod: /dev/x: Operation not permitted\n"
                             "mknod: /dev/x: Operation not permitted\nmknod: /dev/x: Operation not permitted\nfine\n"
                             "dd: can't open '/dev/kmsg': No such file or directory\n");
}

TEST_F(launch_attack, the_engines_environment_and_descriptors_stay_outside) {
    setenv("LEAK", "token", 1);
    shim_.reset();
    const int leaked = dup2(open(canary_.c_str(), O_RDONLY), 77); // Not close-on-exec: the shim inherits it
    shim_ = std::make_unique<shim_client>(DAVIT_SHIM);
    close(leaked);
    unsetenv("LEAK");
    const auto result = run(plan("env; cat /proc/1/environ | tr '\\0' ' '; ls /proc/self/fd | tr '\\n' ' '"));
    EXPECT_THAT(result.output, Not(HasSubstr("LEAK")));
    EXPECT_THAT(result.output, HasSubstr("0 1 2 3 "));
    EXPECT_EQ(host_says("cat /proc/" + std::to_string(shim_->pid()) + "/environ"), "");
}

TEST_F(launch_attack, a_plan_that_is_too_large_is_refused_and_the_shim_lives) {
    auto asked = plan_of({"/bin/true"});
    for (int i = 0; i < 3000; ++i)
        asked.mounts.push_back(
            {mount_kind::bind, "/" + std::string(60, 'x'), "/" + std::to_string(i), "", false, true, false});
    EXPECT_THAT(refusal(asked), HasSubstr("does not exist"));
    asked = plan_of({"env"});
    asked.process.environment.push_back("BIG=" + std::string(100'000, 'v'));
    EXPECT_EQ(run(asked).output.size(), std::string{"PATH=/bin\nBIG=\nHOME=/root\n"}.size() + 100'000);
    asked.container_id += "y";
    for (int i = 0; i < 20; ++i)
        asked.process.environment.push_back("B" + std::to_string(i) + "=" + std::string(110'000, 'v'));
    EXPECT_THAT(refusal(asked), HasSubstr("rgument list too long"));
    asked.mounts.clear();
    for (int i = 0; i < 5000; ++i)
        asked.mounts.push_back({mount_kind::bind, std::string(4000, 'x'), "/", "", false, true, false});
    const auto sandbox = shim_->make_sandbox(usual());
    EXPECT_ANY_THROW(shim_->launch(sandbox.id, asked)); // Above the cap: the shim drops who sends it
    shim_->reconnect();
    EXPECT_EQ(run(plan_of({"/bin/true"})).code, 0);
}

TEST_F(launch_attack, groups_that_a_file_excludes_can_not_be_shed) {
    on_host("echo secret > " + image_ + "/excluding && chown 0:1000 " + image_ + "/excluding && chmod 604 " + image_ +
            "/excluding");
    auto asked = plan("cat /excluding 2>&1; id -G");
    asked.process.user = "1000:1000";
    EXPECT_EQ(run(asked).output, "cat: can't open '/excluding': Permission denied\n1000\n");
}

TEST_F(launch_attack, the_socket_is_roots_alone_and_has_no_abstract_name) {
    EXPECT_EQ(host_says("stat -c '%a %u' " + shim_->directory() + " " + shim_->directory() + "/shim.sock"),
              "700 0\n600 0\n");
    EXPECT_THAT(host_says("cat /proc/net/unix"), Not(HasSubstr("@" + shim_->directory())));
}

TEST_F(launch_attack, namespaces_and_mounts_can_not_be_made_inside) {
    on_host("ln -sf busybox " + image_ + "/bin/unshare; ln -sf busybox " + image_ + "/bin/umount");
    const auto result = run(
        plan("unshare -r true 2>&1; unshare -m true 2>&1; mount -t proc proc /tmp 2>&1; umount /proc/timer_list 2>&1; "
             "mount -o remount,rw /sys 2>&1; true"));
    EXPECT_THAT(result.output, Not(HasSubstr("uid=")));
    std::size_t refusals = 0;
    for (std::size_t at = 0; (at = result.output.find("ermi", at)) != std::string::npos; ++at) ++refusals;
    EXPECT_GE(refusals, 5u) << result.output;
}

/// What a process can write in its memory.
std::string memory_of(int pid) {
    std::ifstream maps{"/proc/" + std::to_string(pid) + "/maps"};
    std::ifstream memory{"/proc/" + std::to_string(pid) + "/mem", std::ios::binary};
    std::string all;
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx rw", &begin, &end) != 2 || line.find(" rw") == std::string::npos)
            continue;
        std::string part(end - begin, '\0');
        memory.seekg(static_cast<std::streamoff>(begin));
        memory.read(part.data(), static_cast<std::streamsize>(part.size()));
        memory.clear();
        all += part;
    }
    return all;
}

TEST_F(launch_attack, a_sandbox_knows_nothing_of_other_containers) {
    auto other = plan("sleep 600");
    other.container_id = "the-id-of-somebody-elses-container";
    other.process.environment.push_back("PASSWORD=what-only-somebody-else-may-know");
    const auto launched = shim_->launch(shim_->make_sandbox(usual()).id, other);
    ASSERT_FALSE(launched.failed) << launched.failed->sentence;
    close(launched.output);
    close(launched.errors);
    EXPECT_THAT(memory_of(shim_->pid()), HasSubstr(other.container_id));
    for (int i = 0; i < 3; ++i) {
        const auto memory = memory_of(shim_->make_sandbox(usual()).pid);
        ASSERT_THAT(memory.size(), Gt(4096u));
        EXPECT_EQ(memory.find(other.container_id), std::string::npos);
        EXPECT_EQ(memory.find("what-only-somebody-else"), std::string::npos);
    }
}

TEST_F(launch_attack, keys_of_one_session_are_not_seen_in_another) {
    const auto first = run(plan("cat /proc/self/status | head -c 0; echo ok"));
    EXPECT_EQ(first.output, "ok\n");
    // /proc/keys is masked; the session keyring of a container is not the shim's.
    auto asked = plan("cat /proc/keys");
    asked.masked_paths.clear();
    const auto keys = run(asked).output;
    EXPECT_THAT(keys, HasSubstr("_ses"));
}

} // namespace
} // namespace davit::shim::testing
