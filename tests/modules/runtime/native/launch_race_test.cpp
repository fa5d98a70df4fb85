#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

// What is under test is compiled without sanitizers in every build: the release build's rounds count.
#if __has_feature(address_sanitizer)
constexpr int rounds = 50;
#else
constexpr int rounds = 500;
#endif

/// A process that exchanges the names of pairs all the while.
class swapper {
  public:
    explicit swapper(const std::vector<std::pair<std::string, std::string>>& pairs)
        : swaps_{static_cast<std::atomic<std::uint64_t>*>(
              mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))} {
        pid_ = fork();
        while (pid_ == 0)
            for (const auto& [one, two] : pairs)
                if (renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_EXCHANGE) == 0) ++*swaps_;
    }
    swapper(const swapper&) = delete;
    swapper& operator=(const swapper&) = delete;
    ~swapper() {
        kill(pid_, SIGKILL);
        int status = 0;
        waitpid(pid_, &status, 0);
        munmap(swaps_, sizeof(std::uint64_t));
    }
    std::uint64_t swaps() const { return *swaps_; }

  private:
    std::atomic<std::uint64_t>* swaps_;
    pid_t pid_ = -1;
};

/// Names that change between a look and a use (CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565,
/// CVE-2025-52881): another container that shares a volume swaps them.
class launch_race : public canary_test {
  protected:
    std::string host_now() const override {
        return host_says("cat /proc/self/mountinfo /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname") +
               canary_test::host_now();
    }
    /// Starts until there were so many with a swap during each, and looks at the output of those that were not refused.
    template <class Make, class Look> void race(const swapper& against, Make make, Look look) {
        int raced = 0;
        int started = 0;
        for (int round = 0; round < 4 * rounds && raced < rounds; ++round) {
            const std::uint64_t swaps = against.swaps();
            const auto result = run(make());
            if (against.swaps() != swaps) ++raced;
            if (result.failed) continue;
            ++started;
            ASSERT_NO_FATAL_FAILURE(look(result));
        }
        EXPECT_EQ(raced, rounds) << "the swapper was not there";
        EXPECT_GT(started, 0) << "all were refused";
    }
};

mount_plan volume(std::string source, std::string target) {
    return {mount_kind::bind, std::move(source), std::move(target), "", false, true, false};
}

TEST_F(launch_race, a_target_that_is_swapped_for_a_link_meanwhile_stays_inside) {
    on_host("mkdir -p " + directory_ + "/v/d " + directory_ + "/w; ln -s / " + directory_ + "/v/l");
    const swapper against{{{directory_ + "/v/d", directory_ + "/v/l"}}};
    const std::string name = "davit-race-" + std::to_string(getpid()); // What a mount point on the host would be called
    race(
        against,
        [&] {
            auto asked = plan("grep -c " + canary_ + " /proc/self/mountinfo; cat " + canary_ + "/secret 2>/dev/null");
            asked.mounts = {volume(directory_ + "/v", "/v"), volume(directory_ + "/w", "/v/d/" + name)};
            return asked;
        },
        [](const ran& result) { ASSERT_EQ(result.output, "0\n"); });
    EXPECT_FALSE(std::filesystem::exists("/" + name));
}

TEST_F(launch_race, a_file_to_mount_over_is_not_made_where_a_link_leads_meanwhile) {
    on_host("mkdir -p " + directory_ + "/v/d; touch " + directory_ + "/w; ln -s " + canary_ + " " + directory_ +
            "/v/l");
    const swapper against{{{directory_ + "/v/d", directory_ + "/v/l"}}};
    race(
        against,
        [&] {
            auto asked = plan("cat " + canary_ + "/secret 2>/dev/null; true");
            asked.mounts = {volume(directory_ + "/v", "/v"), volume(directory_ + "/w", "/v/d/new")};
            return asked;
        },
        [](const ran& result) { ASSERT_EQ(result.output, ""); });
}

TEST_F(launch_race, what_is_swapped_in_dev_unmasks_nothing_and_is_no_terminal) {
    const std::string dev = directory_ + "/dev";
    on_host("mkdir -p " + dev + "/pts && mknod -m 666 " + dev + "/null c 1 3 && touch " + dev + "/console && cd " +
            dev + " && for n in 1 2 3; do ln -s /proc/sys/kernel/core_pattern l$n; done; touch pts/0");
    const swapper against{
        {{dev + "/null", dev + "/l1"}, {dev + "/console", dev + "/l2"}, {dev + "/pts/0", dev + "/l3"}}};
    bool terminal = false;
    race(
        against,
        [&] {
            auto asked = plan("wc -c </proc/timer_list; (echo evil >/proc/sys/kernel/core_pattern) 2>&- && echo WROTE; "
                              "(echo evil >/dev/console) 2>&-; grep -c core_pattern /proc/self/mountinfo; true");
            terminal = !terminal;
            asked.process.wants_tty = terminal;
            asked.mounts = {volume(dev, "/dev")};
            return asked;
        },
        [](const ran& result) { ASSERT_THAT(result.output, ::testing::AnyOf("0\n0\n", "0\r\n0\r\n")); });
}

TEST_F(launch_race, a_link_into_proc_in_a_volume_moves_no_sysctl_and_no_label) {
    on_host("mkdir -p " + directory_ + "/v/p/self/attr " + directory_ + "/w; ln -s /proc " + directory_ + "/v/l");
    const swapper against{{{directory_ + "/v/p", directory_ + "/v/l"}}};
    race(
        against,
        [&] {
            auto asked =
                plan("cat /proc/sys/net/core/somaxconn; grep -c ' /proc/self\\| /proc/1' /proc/self/mountinfo; true");
            asked.mounts = {volume(directory_ + "/v", "/v"),
                            volume(directory_ + "/w", "/v/p/self"),
                            {mount_kind::tmpfs, "", "/v/p/self/attr", "", false, true, false}};
            asked.sysctls = {{"net.core.somaxconn", "17"}};
            return asked;
        },
        [](const ran& result) { ASSERT_EQ(result.output, "17\n0\n"); });
}

} // namespace
} // namespace davit::shim::testing
