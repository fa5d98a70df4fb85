#include "tests/modules/runtime/native/container_fixture.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "modules/runtime/native/capabilities.h"
#include "modules/runtime/native/protected_paths.h"
#include "modules/runtime/native/seccomp_profile.h"

namespace davit::shim::testing {

void container_test::SetUp() {
    if (geteuid() != 0) GTEST_SKIP() << "launching containers needs root";
    char pattern[] = "/tmp/davit-launch-test-XXXXXX";
    directory_ = mkdtemp(pattern);
    image_ = directory_ + "/image";
    cgroup_parent_ = "davit-test-" + std::to_string(getpid());
    on_host("mkdir -p " + image_ + "/bin " + image_ + "/etc " + image_ + "/proc " + image_ + "/sys " + image_ +
            "/dev " + image_ + "/tmp && cp /bin/busybox " + image_ +
            "/bin/busybox && for tool in sh true cat ls id grep env hostname mount mkdir "
            "readlink sleep stat touch echo head wc dd mknod pwd chmod sort tr test stty kill; do ln -sf busybox " +
            image_ + "/bin/$tool; done");
    on_host("printf 'root:x:0:0:root:/root:/bin/sh\\nbob:x:1234:1235::/home/bob:/bin/sh\\n' > " + image_ +
            "/etc/passwd; printf 'root:x:0:\\nbobs:x:1235:\\naudio:x:29:bob\\nwheel:x:10:root\\n' > " + image_ +
            "/etc/group");
    shim_ = std::make_unique<shim_client>(DAVIT_SHIM);
}

void container_test::TearDown() {
    shim_.reset();
    if (directory_.empty()) return;
    on_host("rm -rf " + directory_);
    on_host("for h in /sys/fs/cgroup/*; do rmdir $h/" + cgroup_parent_ + " 2>/dev/null; done; rmdir /sys/fs/cgroup/" +
            cgroup_parent_ + " 2>/dev/null; true");
}

void container_test::on_host(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::string container_test::host_says(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "re");
    std::string text;
    char buffer[4096];
    for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, count);
    pclose(pipe);
    return text;
}

void container_test::await_end(int pid) {
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; ++i) usleep(5000);
    EXPECT_NE(kill(pid, 0), 0);
}

std::string container_test::cgroups_left() const {
    std::string left;
    for (int i = 0; i < 1000; ++i) {
        left = host_says("ls -d /sys/fs/cgroup/" + cgroup_parent_ + "/*/ /sys/fs/cgroup/*/" + cgroup_parent_ +
                         "/*/ 2>/dev/null");
        if (left.empty()) break;
        usleep(5000);
    }
    return left;
}

shim_protocol::sandbox_template container_test::usual(sandbox_shape shape) const {
    shim_protocol::sandbox_template made;
    made.shape = shape;
    made.masked_paths = default_masked_paths();
    made.read_only_paths = default_read_only_paths();
    made.cgroup_parent = cgroup_parent_;
    return made;
}

launch_plan container_test::plan_of(std::vector<std::string> arguments) {
    launch_plan made;
    made.container_id = "c" + std::to_string(getpid()) + "x" + std::to_string(++containers_);
    made.hostname = "box";
    const auto writable = directory_ + "/" + made.container_id;
    std::filesystem::create_directories(writable + "/upper");
    std::filesystem::create_directories(writable + "/work");
    made.rootfs = {{image_}, writable + "/upper", writable + "/work", false};
    made.masked_paths = default_masked_paths();
    made.read_only_paths = default_read_only_paths();
    made.process.arguments = std::move(arguments);
    made.process.environment = {"PATH=/bin"};
    made.process.bounding_capabilities = default_capability_bits() & held_capabilities();
    made.process.seccomp_filter = compile_default_seccomp(made.process.bounding_capabilities);
    made.cgroup.path = cgroup_parent_ + "/" + made.container_id;
    return made;
}

launch_plan container_test::plan(const std::string& script) {
    return plan_of({"/bin/sh", "-c", script});
}

ran container_test::run(const launch_plan& plan, sandbox_shape shape) {
    ran result;
    const auto sandbox = shim_->make_sandbox(usual(shape));
    auto launched = shim_->launch(sandbox.id, plan);
    result.failed = launched.failed;
    if (result.failed) return result;
    result.phases = launched.launched.phases;
    if (launched.stdin_writer >= 0) close(launched.stdin_writer);
    if (launched.terminal >= 0) {
        result.code = shim_->wait(plan.container_id).code;
        result.output = read_all(launched.terminal);
    } else {
        result.code = shim_->wait(plan.container_id).code;
        result.output = read_all(launched.output);
        result.errors = read_all(launched.errors);
    }
    EXPECT_FALSE(shim_->release(plan.container_id));
    return result;
}

void canary_test::SetUp() {
    container_test::SetUp();
    if (IsSkipped()) return;
    canary_ = directory_ + "/canary";
    on_host("mkdir -m 700 " + canary_ + " && echo token-of-the-host > " + canary_ + "/secret");
    before_ = host_now();
}

void canary_test::TearDown() {
    if (!canary_.empty()) EXPECT_EQ(host_now(), before_);
    container_test::TearDown();
}

std::string canary_test::host_now() const {
    return host_says("cd " + canary_ + " && stat -c '%n %a %u %g %h %s %y %z' . * && cat secret");
}

} // namespace davit::shim::testing
