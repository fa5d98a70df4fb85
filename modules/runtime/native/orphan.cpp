#include "modules/runtime/native/orphan.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"
#include "io/poll.h"

namespace davit {
namespace {

/// When a process began, in microseconds of CLOCK_BOOTTIME, rounded down to a clock tick (proc_pid_stat(5), field 22).
std::optional<std::int64_t> start_of(std::int32_t pid) {
    const io::descriptor file{open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return std::nullopt;
    char text[1024];
    const auto count = read(file.get(), text, sizeof text);
    if (count <= 0) return std::nullopt;
    std::string_view left{text, static_cast<std::size_t>(count)};
    // The command's name, field 2, may hold blanks and brackets; the last bracket ends it.
    const auto bracket = left.rfind(')');
    if (bracket == std::string_view::npos) return std::nullopt;
    left.remove_prefix(bracket + 1);
    for (int field = 2; field < 22; ++field) {
        const auto blank = left.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        left.remove_prefix(blank + 1);
    }
    std::int64_t ticks = 0;
    for (const char c : left.substr(0, left.find(' '))) {
        if (c < '0' || c > '9') return std::nullopt;
        ticks = ticks * 10 + (c - '0');
    }
    return ticks * 1'000'000 / sysconf(_SC_CLK_TCK);
}

} // namespace

io::descriptor open_orphan(std::int32_t pid, std::int64_t started_after) {
    io::descriptor pidfd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
    if (!pidfd) {
        if (errno == ESRCH || errno == EINVAL) return {};
        throw error::system(errno, "holding process {}", pid);
    }
    // Whoever has taken the number since then began later; the descriptor keeps it from changing under our eyes.
    const auto start = start_of(pid);
    if (!start || *start > started_after) return {};
    return pidfd;
}

task<void> wait_for_orphan(io::descriptor pidfd) {
    io::pollable ends{std::move(pidfd)};
    co_await ends.readable();
}

} // namespace davit
