#include "modules/runtime/native/shim/cgroup.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace davit::shim::testing {
namespace {

/// A directory that looks like a cgroup v2 hierarchy, with files that say what the test wants.
class cgroup_files : public ::testing::Test {
  protected:
    void SetUp() override {
        char pattern[] = "/tmp/davit-cgroup-test-XXXXXX";
        root_ = mkdtemp(pattern);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void put(const std::string& name, const std::string& text) { std::ofstream{root_ + "/" + name} << text; }
    std::string text_of(const std::string& name) {
        std::ifstream file{root_ + "/" + name};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::string root_;
};

TEST_F(cgroup_files, a_number_that_has_passed_on_to_a_process_outside_is_not_signalled) {
    const auto outsider = fork();
    while (outsider == 0) pause();
    std::filesystem::create_directories(root_ + "/davit/one");
    put("davit/one/cgroup.procs", std::to_string(outsider) + "\n");
    make_cgroup_v2(root_)->signal_all({"davit/one", 1}, SIGKILL);
    usleep(50'000);
    EXPECT_EQ(waitpid(outsider, nullptr, WNOHANG), 0) << "a process of the host was killed";
    kill(outsider, SIGKILL);
    waitpid(outsider, nullptr, 0);
}

TEST_F(cgroup_files, controllers_that_could_not_be_given_on_are_tried_again) {
    put("cgroup.controllers", "cpu memory pids\n");
    put("given", "");
    std::filesystem::create_symlink("given", root_ + "/cgroup.subtree_control"); // Read, and not written to
    const auto system = make_cgroup_v2(root_);
    cgroup_membership membership;
    system->make(membership, "davit/one", getpid());
    EXPECT_EQ(text_of("given"), "");
    std::filesystem::remove(root_ + "/cgroup.subtree_control");
    put("cgroup.subtree_control", "");
    system->make(membership, "davit/two", getpid());
    EXPECT_EQ(text_of("cgroup.subtree_control").substr(0, 5), "+pids");
}

} // namespace
} // namespace davit::shim::testing
