#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <set>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/modules/runtime/native/container_fixture.h"
#include "tests/modules/runtime/native/traced_process.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;

class reaping : public container_test {};

TEST_F(reaping, a_number_that_was_given_back_is_not_signalled) {
    const auto first = shim_->make_sandbox(usual());
    const auto failing = shim_->make_sandbox(usual());
    kill(failing.pid, SIGSTOP);
    auto asked = plan("true");
    asked.rootfs.host_layers.clear();
    shim_->tell_launch(failing.id, asked);
    ASSERT_FALSE(shim_->ask(message_type::list, {}).failed); // It has sent the plan on
    // Both end while the shim can't look: it learns of the first's end, and finds the other's on that occasion.
    std::set<std::uint64_t> given_back;
    {
        traced_process shim{shim_->pid()};
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

TEST_F(reaping, a_storm_of_orphans_is_reaped_a_part_at_a_time) {
    constexpr int orphans = 400;
    sandbox_shape shape;
    shape.own_pid = false;
    const auto sandbox = shim_->make_sandbox(usual(shape));
    const auto asked = plan("read go; i=0; while [ $i -lt 400 ]; do (true &); i=$((i+1)); done; echo storm; sleep 600");
    auto with_input = asked;
    with_input.process.wants_stdin = true;
    const auto launched = shim_->launch(sandbox.id, with_input);
    ASSERT_FALSE(launched.failed) << launched.failed->sentence;
    int reaped = 0;
    int most_in_a_turn = 0;
    {
        traced_process shim{shim_->pid()}; // which stops it
        ASSERT_EQ(write(launched.stdin_writer, "\n", 1), 1);
        char said[7] = {};
        ASSERT_EQ(read(launched.output, said, 6), 6);
        usleep(200'000); // The last of them end
        std::uint64_t call = 0;
        int in_this_turn = 0;
        for (int i = 0; i < 20'000 && reaped < orphans - 10; ++i) {
            const auto seen = shim.next();
            if (seen.op == PTRACE_SYSCALL_INFO_ENTRY) {
                call = seen.entry.nr;
                if (call == SYS_epoll_wait) in_this_turn = 0;
            } else if (call == SYS_wait4 && seen.exit.rval > 0) {
                ++reaped;
                most_in_a_turn = std::max(most_in_a_turn, ++in_this_turn);
            }
        }
    }
    EXPECT_GE(reaped, orphans - 10);
    EXPECT_LE(most_in_a_turn, 100) << "nobody else is served meanwhile";
    close(launched.stdin_writer);
    close(launched.output);
    close(launched.errors);
}

TEST_F(reaping, an_engine_for_whom_no_descriptor_is_left_is_not_asked_for_again_and_again) {
    rlimit before{};
    ASSERT_EQ(prlimit(shim_->pid(), RLIMIT_NOFILE, nullptr, &before), 0);
    const rlimit none{3, before.rlim_max};
    ASSERT_EQ(prlimit(shim_->pid(), RLIMIT_NOFILE, &none, nullptr), 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (shim_->directory() + "/shim.sock").copy(address.sun_path, sizeof address.sun_path - 1);
    const io::descriptor waiting{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int refusals = 0;
    bool has_rested = true;
    {
        traced_process shim{shim_->pid()};
        ASSERT_EQ(connect(waiting.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        std::uint64_t call = 0;
        for (int i = 0; i < 200 && refusals < 5; ++i) {
            const auto seen = shim.next();
            if (seen.op == PTRACE_SYSCALL_INFO_ENTRY) {
                call = seen.entry.nr;
            } else if (call == SYS_epoll_wait && seen.exit.rval == 0) {
                has_rested = true;
            } else if (call == SYS_accept4) {
                EXPECT_EQ(seen.exit.rval, -EMFILE);
                EXPECT_TRUE(has_rested) << "the loop turns for nothing else";
                has_rested = false;
                ++refusals;
            }
        }
    }
    EXPECT_EQ(refusals, 5);
    ASSERT_EQ(prlimit(shim_->pid(), RLIMIT_NOFILE, &before, nullptr), 0);
    frame_reader reader;
    incoming_frame greeting;
    ASSERT_TRUE(receive_frame(waiting.get(), reader, greeting));
    EXPECT_EQ(greeting.type, message_type::hello);
}

} // namespace
} // namespace davit::shim::testing
