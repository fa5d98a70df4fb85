#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;

class reaping : public container_test {
  protected:
    static void wait_until_dead(int pid) {
        std::string state;
        for (int i = 0; i < 2000 && state != "Z"; ++i) {
            usleep(5000);
            std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
            std::string word;
            stat >> word >> word >> state;
        }
        ASSERT_EQ(state, "Z");
    }
};

/// The shim's calls, seen one by one from outside.
class traced_shim {
  public:
    explicit traced_shim(int pid) : pid_{pid} {
        EXPECT_EQ(ptrace(PTRACE_SEIZE, pid_, 0, PTRACE_O_TRACESYSGOOD), 0);
        EXPECT_EQ(ptrace(PTRACE_INTERRUPT, pid_, 0, 0), 0);
        EXPECT_EQ(waitpid(pid_, nullptr, __WALL), pid_);
    }
    ~traced_shim() { ptrace(PTRACE_DETACH, pid_, 0, 0); }
    traced_shim(const traced_shim&) = delete;
    traced_shim& operator=(const traced_shim&) = delete;

    /// Goes on to the next entry to a call, or the next return from one.
    __ptrace_syscall_info next() {
        __ptrace_syscall_info call{};
        do {
            ptrace(PTRACE_SYSCALL, pid_, 0, 0);
            int status = 0;
            if (waitpid(pid_, &status, __WALL) != pid_ || !WIFSTOPPED(status)) break;
            ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof call, &call);
        } while (call.op == PTRACE_SYSCALL_INFO_NONE);
        return call;
    }

  private:
    int pid_;
};

TEST_F(reaping, a_number_that_was_given_back_is_not_signalled) {
    const auto first = shim_->make_sandbox(usual());
    const auto failing = shim_->make_sandbox(usual());
    kill(failing.pid, SIGSTOP);
    auto asked = plan("true");
    asked.rootfs.host_layers.clear();
    shim_->tell(message_type::launch, encode(shim_protocol::launch_request{failing.id, asked}));
    ASSERT_FALSE(shim_->ask(message_type::list, {}).failed); // It has sent the plan on
    // Both end while the shim can't look: it learns of the first's end, and finds the other's on that occasion.
    std::set<std::uint64_t> given_back;
    {
        traced_shim shim{shim_->pid()};
        kill(first.pid, SIGKILL);
        wait_until_dead(first.pid);
        kill(failing.pid, SIGCONT);
        wait_until_dead(failing.pid);
        std::uint64_t call = 0;
        for (int i = 0; i < 10'000 && !(given_back.size() == 2 && call == SYS_epoll_wait); ++i) {
            const auto seen = shim.next();
            if (seen.op == PTRACE_SYSCALL_INFO_ENTRY) {
                call = seen.entry.nr;
                if (call == SYS_kill) EXPECT_FALSE(given_back.contains(seen.entry.args[0]));
            } else if (call == SYS_wait4 && seen.exit.rval > 0) {
                given_back.insert(static_cast<std::uint64_t>(seen.exit.rval));
            }
        }
    }
    EXPECT_EQ(given_back, (std::set<std::uint64_t>{static_cast<std::uint64_t>(first.pid),
                                                   static_cast<std::uint64_t>(failing.pid)}));
}

} // namespace
} // namespace davit::shim::testing
