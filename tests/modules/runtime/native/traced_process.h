#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace davit::shim::testing {

/// A process' calls, seen one by one from outside.
class traced_process {
  public:
    explicit traced_process(int pid) : pid_{pid} {
        EXPECT_EQ(ptrace(PTRACE_SEIZE, pid_, 0, PTRACE_O_TRACESYSGOOD), 0);
        EXPECT_EQ(ptrace(PTRACE_INTERRUPT, pid_, 0, 0), 0);
        EXPECT_EQ(waitpid(pid_, nullptr, __WALL), pid_);
    }
    ~traced_process() { ptrace(PTRACE_DETACH, pid_, 0, 0); }
    traced_process(const traced_process&) = delete;
    traced_process& operator=(const traced_process&) = delete;

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

/// Returns when the process has ended and is not reaped yet.
inline void wait_until_dead(int pid) {
    std::string state;
    for (int i = 0; i < 2000 && state != "Z"; ++i) {
        usleep(5000);
        std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
        std::string word;
        stat >> word >> word >> state;
    }
    ASSERT_EQ(state, "Z");
}

} // namespace davit::shim::testing
