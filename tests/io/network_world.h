#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/netlink.h"

namespace davit {

/// Moves the test program into a network namespace of its own, once, before it makes threads or sockets: what its tests
/// make is seen by nobody else and gone with the process.
inline void enter_own_network() {
    static const bool is_inside = [] {
        if (::unshare(CLONE_NEWNET) != 0) throw error::system(errno, "making a network namespace (tests run as root)");
        return true;
    }();
    (void)is_inside;
}

/// Removes every interface of the test's own network that is no hardware. A pair may go with its namespace meanwhile.
inline void remove_own_links() {
    io::netlink_socket kernel;
    io::netlink_batch batch;
    for (const auto& link : kernel.links())
        if (!link.kind.empty()) batch.remove_link(link.name);
    try {
        kernel.apply(std::move(batch));
    } catch (const error& e) {
        if (e.system_errno() != ENODEV) throw;
    }
}

/// A process in a network namespace of its own that does nothing: what a sandbox is to a network driver.
class namespace_holder {
  public:
    namespace_holder() {
        std::array<int, 2> ready{};
        if (::pipe2(ready.data(), O_CLOEXEC) != 0) throw error::system(errno, "making a pipe");
        const io::descriptor reader{ready[0]};
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
            ::close(ready[1]);
            for (;;) ::pause();
        }
        ::close(ready[1]);
        char nothing = 0;
        if (pid_ < 0 || ::read(reader.get(), &nothing, 1) != 0) throw error::system(errno, "starting a process");
    }
    namespace_holder(const namespace_holder&) = delete;
    namespace_holder& operator=(const namespace_holder&) = delete;
    ~namespace_holder() { end(); }

    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid() const noexcept { return pid_; }

    /// Runs `work` on a thread that is inside the namespace, and returns what it returns.
    template <class Work> std::invoke_result_t<Work&> inside(Work work) const {
        using result = std::invoke_result_t<Work&>;
        std::exception_ptr failure;
        std::conditional_t<std::is_void_v<result>, bool, result> value{};
        std::thread{[&] {
            try {
                const std::string path = "/proc/" + std::to_string(pid_) + "/ns/net";
                const io::descriptor net{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
                if (!net || ::setns(net.get(), CLONE_NEWNET) != 0) throw error::system(errno, "entering {}", path);
                if constexpr (std::is_void_v<result>)
                    work();
                else
                    value = work();
            } catch (...) {
                failure = std::current_exception();
            }
        }}.join();
        if (failure) std::rethrow_exception(failure);
        if constexpr (!std::is_void_v<result>) return value;
    }

  private:
    pid_t pid_ = -1;
};

} // namespace davit
