#include "modules/runtime/native/shim/exec.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

std::string_view search_path(const std::vector<std::string>& environment) {
    std::string_view found;
    for (const auto& entry : environment)
        if (entry.rfind("PATH=", 0) == 0) found = std::string_view{entry}.substr(5);
    return found;
}

/// With the host's processes in its /proc, links there lead to the roots of those, and this process might still follow.
int open_directory(const std::string& path) {
    return open_resolved(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
}

/// Says why execve(2) of a path refused, as Docker does.
[[noreturn]] void explain(const std::string& path, int number) {
    const char* shown = path.c_str();
    struct stat about{};
    if (stat(shown, &about) < 0) {
        const int why = errno;
        if (why == EACCES) fail(failure_kind::invalid, why, "exec: \"%s\"", shown);
        fail(failure_kind::invalid, why, "exec: \"%s\": stat %s", shown, shown);
    }
    if (S_ISDIR(about.st_mode)) fail(failure_kind::invalid, EISDIR, "exec: \"%s\"", shown);
    if (number == EACCES || (about.st_mode & 0111) == 0) fail(failure_kind::invalid, EACCES, "exec: \"%s\"", shown);
    // The file is there: it is the interpreter that is missing, or the format that is not known.
    fail(failure_kind::invalid, number, "exec %s", shown);
}

} // namespace

void set_limits(const std::vector<rlimit_plan>& limits) {
    for (const auto& limit : limits) {
        rlimit now{};
        if (prlimit(0, static_cast<__rlimit_resource>(limit.resource), nullptr, &now) < 0)
            fail(failure_kind::invalid, errno, "limit number %d", limit.resource);
        rlimit wanted{std::min(limit.soft, limit.hard), limit.hard};
        if (prlimit(0, static_cast<__rlimit_resource>(limit.resource), &wanted, nullptr) == 0) continue;
        if (errno != EPERM) fail(failure_kind::invalid, errno, "setting limit number %d", limit.resource);
        // Above what this host's engine itself may have (CAP_SYS_RESOURCE is missing): as much as there is.
        wanted.rlim_max = std::min<rlim_t>(wanted.rlim_max, now.rlim_max);
        wanted.rlim_cur = std::min<rlim_t>(wanted.rlim_cur, wanted.rlim_max);
        if (prlimit(0, static_cast<__rlimit_resource>(limit.resource), &wanted, nullptr) < 0)
            fail(failure_kind::invalid, errno, "setting limit number %d", limit.resource);
    }
}

void enter_working_directory(const std::string& path) {
    const std::string wanted = path.empty() ? "/" : path;
    if (wanted.front() != '/')
        fail(failure_kind::invalid, 0, "the working directory %s is not absolute", wanted.c_str());
    int directory = open_directory(wanted);
    if (directory < 0 && errno == ENOENT) {
        for (auto start = std::size_t{1}; start < wanted.size();) {
            const auto end = std::min(wanted.find('/', start), wanted.size());
            const int parent = open_directory(wanted.substr(0, start));
            const bool is_there =
                parent >= 0 && (mkdirat(parent, wanted.substr(start, end - start).c_str(), 0755) == 0 ||
                                errno == EEXIST || end == start);
            if (!is_there) fail(failure_kind::invalid, errno, "making the working directory %s", wanted.c_str());
            close(parent);
            start = end + 1;
        }
        directory = open_directory(wanted);
    }
    if (directory < 0 || fchdir(directory) < 0)
        fail(failure_kind::invalid, errno, "entering the working directory %s", wanted.c_str());
    close(directory);
    // The kernel's own answer: it marks a directory outside this root, which glibc would hide behind ENOENT.
    char real[PATH_MAX];
    const auto length = syscall(SYS_getcwd, real, sizeof real);
    if (length <= 0 || real[0] != '/')
        fail(failure_kind::invalid, 0, "the working directory %s lies outside the container", wanted.c_str());
}

void execute(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
    if (arguments.empty() || arguments.front().empty()) fail(failure_kind::invalid, 0, "no command specified");
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);
    const auto& program = arguments.front();
    if (program.find('/') != std::string::npos) {
        execve(program.c_str(), argument_pointers.data(), environment_pointers.data());
        const int number = errno;
        if (number == E2BIG) fail(failure_kind::invalid, number, "exec %s", program.c_str());
        explain(program, number);
    }
    auto left = search_path(environment);
    while (!left.empty()) {
        const auto end = left.find(':');
        const std::string directory{left.substr(0, end)};
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
        const auto candidate = (directory.empty() ? "." : directory) + "/" + program;
        execve(candidate.c_str(), argument_pointers.data(), environment_pointers.data());
        const int number = errno;
        struct stat about{};
        if (stat(candidate.c_str(), &about) < 0 || !S_ISREG(about.st_mode) || (about.st_mode & 0111) == 0) continue;
        fail(failure_kind::invalid, number, "exec %s", candidate.c_str());
    }
    fail(failure_kind::invalid, 0, "exec: \"%s\": executable file not found in $PATH", program.c_str());
}

} // namespace davit::shim
