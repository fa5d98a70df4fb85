#include "modules/runtime/native/shim/zygote.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "modules/runtime/native/shim/frames.h"
#include "modules/runtime/native/shim/memory.h"
#include "modules/runtime/native/shim/sandbox_process.h"

namespace davit::shim {
namespace {

constexpr int first_descriptor = 3; ///< The zygote's socket, and a sandbox's channel

struct reply {
    std::int32_t pid = -1;
    std::int32_t error = 0;
};

/// Leaves the one descriptor open beside the standard streams, as number 3.
void keep_only(int descriptor) {
    if (descriptor != first_descriptor) dup3(descriptor, first_descriptor, O_CLOEXEC);
    syscall(SYS_close_range, first_descriptor + 1U, ~0U, 0U);
}

[[noreturn]] void become_sandbox(int channel_end, std::uint64_t descriptor_limit) {
    use_own_memory();
    keep_only(channel_end);
    prctl(PR_SET_NAME, "davit-shim");
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptor_limit;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    run_sandbox(first_descriptor);
}

/// In the zygote, which has no heap.
[[noreturn]] void serve(int socket, std::uint64_t descriptor_limit) {
    keep_only(socket);
    prctl(PR_SET_NAME, "davit-zygote");
    while (true) {
        clone_args how{};
        std::uint64_t flags = 0;
        received_descriptors came;
        const auto count = receive_with_descriptors(first_descriptor, &flags, sizeof flags, came);
        if (count != sizeof flags || came.count != 1) _exit(0); // The shim has gone
        const int channel_end = came.numbers.front();
        how.flags = flags | CLONE_PARENT;
        const auto pid = syscall(SYS_clone3, &how, sizeof how);
        if (pid == 0) become_sandbox(channel_end, descriptor_limit);
        const reply answer{static_cast<std::int32_t>(pid), pid < 0 ? errno : 0};
        close(channel_end);
        if (send(first_descriptor, &answer, sizeof answer, MSG_NOSIGNAL) < 0) _exit(0);
    }
}

} // namespace

zygote::zygote(loop& on, listener& to, std::uint64_t descriptor_limit)
    : loop_{on}, listener_{to}, descriptor_limit_{descriptor_limit} {
    begin(); // While there is little to copy. What fails now is told when it is needed.
}

zygote::~zygote() {
    end();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

int zygote::begin() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return errno;
    clone_args how{};
    how.exit_signal = SIGCHLD;
    const auto descriptor_limit = descriptor_limit_; // On the stack, which the child has
    const int socket = ends[1];
    keep_heap_from_children();
    const auto pid = syscall(SYS_clone3, &how, sizeof how);
    if (pid == 0) serve(socket, descriptor_limit);
    const int error = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error;
    }
    pid_ = static_cast<int>(pid);
    socket_ = ends[0];
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    loop_.add(socket_, EPOLLIN, *this);
    return 0;
}

void zygote::end() {
    if (socket_ < 0) return;
    loop_.remove(socket_);
    close(std::exchange(socket_, -1));
}

int zygote::clone(std::uint64_t flags, int channel_end) {
    const int error = ask(flags, channel_end);
    if (error != EPIPE && error != ECONNRESET) return error;
    lose(); // Just now, and the loop has not come to it yet
    return ask(flags, channel_end);
}

int zygote::ask(std::uint64_t flags, int channel_end) {
    if (socket_ < 0)
        if (const int error = begin(); error != 0) return error;
    const std::string_view bytes{reinterpret_cast<const char*>(&flags), sizeof flags};
    return send_with_descriptors(socket_, bytes, {channel_end}) < 0 ? errno : 0;
}

void zygote::lose() {
    end();
    listener_.on_zygote_end();
}

void zygote::on_ready(std::uint32_t) {
    reply answer;
    const auto count = recv(socket_, &answer, sizeof answer, 0);
    if (count == sizeof answer) return listener_.on_cloned(answer.pid, answer.error);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    lose();
}

} // namespace davit::shim
