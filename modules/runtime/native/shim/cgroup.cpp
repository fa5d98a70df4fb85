#include "modules/runtime/native/shim/cgroup.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "modules/runtime/native/cgroup_table.h"
#include "modules/runtime/native/shim/small_file.h"

namespace davit::shim {

const std::vector<device_rule>& default_device_rules() {
    // null, zero, full, random, urandom, tty, console, ptmx, and the pseudo terminals.
    static const std::vector<device_rule> rules{{'c', 1, 3}, {'c', 1, 5}, {'c', 1, 7}, {'c', 1, 8},   {'c', 1, 9},
                                                {'c', 5, 0}, {'c', 5, 1}, {'c', 5, 2}, {'c', 136, -1}};
    return rules;
}

namespace {

/// Whether a directory's name is one made ahead by a shim that no longer runs.
bool is_left_behind(const char* name) {
    int pid = 0;
    unsigned long long number = 0;
    if (std::sscanf(name, "sandbox-%d-%llu", &pid, &number) != 2 || pid <= 0) return false;
    // Somebody else may have its number by now; one that ended and was not reaped yet does nothing any more either.
    const auto status = read_file("/proc/" + std::to_string(pid) + "/stat", 512);
    return !status || status->find("(davit-shim) ") == std::string::npos || status->find(") Z ") != std::string::npos;
}

/// The pids in a cgroup.procs file.
std::vector<int> processes_in(const std::string& procs_file) {
    std::vector<int> pids;
    const auto text = read_file(procs_file, 1u << 20);
    if (!text) return pids;
    const char* at = text->c_str();
    while (*at != '\0') {
        char* end = nullptr;
        const long pid = std::strtol(at, &end, 10);
        if (end == at) break;
        if (pid > 0) pids.push_back(static_cast<int>(pid));
        at = *end == '\n' ? end + 1 : end;
    }
    return pids;
}

/// Whoever left the cgroup's list may have died, and its number be another's by now: the descriptor holds the process
/// that is judged, and no other is signalled.
void signal_member(int pid, const std::string& path, int number) {
    const auto process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) return;
    const auto table = read_file("/proc/" + std::to_string(pid) + "/cgroup");
    if (table && lies_in_cgroup(*table, path)) syscall(SYS_pidfd_send_signal, process, number, nullptr, 0);
    close(process);
}

} // namespace

bool sweep_directory(const std::string& base, const std::string& parent) {
    const auto directory = base + "/" + parent;
    DIR* listing = opendir(directory.c_str());
    if (listing == nullptr) return true;
    bool all_gone = true;
    while (const dirent* entry = readdir(listing))
        if (is_left_behind(entry->d_name))
            all_gone &= rmdir((directory + "/" + entry->d_name).c_str()) == 0 || errno == ENOENT;
    closedir(listing);
    return all_gone;
}

int make_directories(const std::string& base, const std::string& path) {
    const auto whole = base + "/" + path;
    if (mkdir(whole.c_str(), 0755) == 0 || errno == EEXIST) return 0;
    if (errno != ENOENT) return errno;
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
        const auto part = base + "/" + path.substr(0, end);
        if (mkdir(part.c_str(), 0755) < 0 && errno != EEXIST) return errno;
    }
    return mkdir(whole.c_str(), 0755) == 0 || errno == EEXIST ? 0 : errno;
}

bool remove_directory(const std::string& directory) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
    DIR* listing = opendir(directory.c_str());
    if (listing == nullptr) return errno == ENOENT;
    while (const dirent* entry = readdir(listing))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') remove_directory(directory + "/" + entry->d_name);
    closedir(listing);
    return rmdir(directory.c_str()) == 0;
}

void signal_members(const std::string& procs_file, const std::string& path, int number) {
    for (int round = 0; round < (number == SIGKILL ? 10 : 1); ++round) {
        const auto members = processes_in(procs_file);
        if (members.empty()) return;
        for (const int pid : members) signal_member(pid, path, number);
    }
}

std::string name_made_ahead(int shim_pid, unsigned long long number) {
    return "sandbox-" + std::to_string(shim_pid) + "-" + std::to_string(number);
}

std::unique_ptr<cgroup_system> detect_cgroups(const std::string& root) {
    struct statfs about{};
    if (statfs(root.c_str(), &about) < 0) return nullptr;
    if (about.f_type == CGROUP2_SUPER_MAGIC) return make_cgroup_v2(root);
    return make_cgroup_v1(root);
}

} // namespace davit::shim
