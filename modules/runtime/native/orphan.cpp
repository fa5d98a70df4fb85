#include "modules/runtime/native/orphan.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"
#include "io/poll.h"
#include "modules/runtime/native/cgroup_table.h"

namespace davit {
namespace {

/// The first part of a process's file; empty when the process has gone. Errors: those of the system calls.
std::string start_of_file(const std::string& path) {
    const io::descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string text(16384, '\0');
    const auto count = file ? read(file.get(), text.data(), text.size()) : -1;
    if (count < 0 && errno != ENOENT && errno != ESRCH) throw error::system(errno, "reading {}", path);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

/// When a process began, in microseconds of CLOCK_BOOTTIME, rounded down to a clock tick (proc_pid_stat(5), field 22).
std::optional<std::int64_t> start_of(std::int32_t pid) {
    const auto text = start_of_file(fmt::format("/proc/{}/stat", pid));
    std::string_view left{text};
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

io::descriptor open_orphan(std::int32_t pid, std::int64_t started_after, const std::string& cgroup_path) {
    io::descriptor pidfd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
    if (!pidfd) {
        if (errno == ESRCH || errno == EINVAL) return {};
        throw error::system(errno, "holding process {}", pid);
    }
    // Whoever has taken the number since then began later; the descriptor keeps it from changing under our eyes.
    const auto start = start_of(pid);
    if (!start || *start > started_after) return {};
    const auto one_tick = 1'000'000 / sysconf(_SC_CLK_TCK);
    if (*start + one_tick > started_after && !cgroup_path.empty()) {
        // Begun in that very tick of the clock, perhaps later in it: then it is somebody else, and elsewhere.
        const auto table = start_of_file(fmt::format("/proc/{}/cgroup", pid));
        if (!lies_in_cgroup(table, cgroup_path)) return {};
    }
    return pidfd;
}

task<void> wait_for_orphan(io::descriptor pidfd) {
    io::pollable ends{std::move(pidfd)};
    co_await ends.readable();
}

} // namespace davit
