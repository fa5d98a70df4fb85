#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "modules/runtime/native/shim/memory.h"
#include "modules/runtime/native/shim/server.h"
#include "modules/runtime/native/shim/staging.h"

// davit-shim: the parent of every container on this host. Started by davitd, outlives it, listens on a unix socket that
// only root can reach. README.md beside this file says what lies where.
//
//     davit-shim --socket /run/davit/shim/shim.sock [--cgroup-root /sys/fs/cgroup]
//
// The directory of the socket is the shim's own (0700). The command returns 0 when a shim listens there: this one,
// which goes on in the background, or one that did already.

namespace {

using davit::shim::place_of_host;

struct options {
    std::string socket;
    std::string cgroup_root = "/sys/fs/cgroup";
};

[[noreturn]] void die(const char* what, int number) {
    std::fprintf(stderr, "davit-shim: %s%s%s\n", what, number != 0 ? ": " : "",
                 number != 0 ? std::strerror(number) : "");
    std::exit(1);
}

options parse(int count, char** arguments) {
    options chosen;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        std::string* value = name == "--socket"        ? &chosen.socket
                             : name == "--cgroup-root" ? &chosen.cgroup_root
                                                       : nullptr;
        if (value == nullptr || i + 1 == count) die("usage: davit-shim --socket PATH [--cgroup-root DIRECTORY]", 0);
        *value = arguments[++i];
    }
    if (chosen.socket.empty() || chosen.socket.front() != '/') die("--socket needs an absolute path", 0);
    return chosen;
}

constexpr int most_tries_to_seal = 50;
constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/// Runs this program again from a sealed copy in memory, so that what a container can reach through /proc/PID/exe
/// while a sandbox becomes a container is not a file of the host (CVE-2019-5736).
void run_from_sealed_copy(char** arguments) {
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0) die("opening /proc/self/exe", errno);
    if (fcntl(self, F_GET_SEALS) == all_seals) {
        close(self);
        return;
    }
    const int copy = memfd_create("davit-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) die("making a copy in memory", errno);
    char buffer[65536];
    ssize_t count = 0;
    while ((count = read(self, buffer, sizeof buffer)) > 0)
        if (write(copy, buffer, static_cast<std::size_t>(count)) != count) die("making a copy in memory", errno);
    if (count < 0) die("reading /proc/self/exe", errno);
    if (fchmod(copy, 0500) < 0) die("making the copy in memory executable", errno);
    // EBUSY while somebody holds one of its pages, for a moment, as the kernel's own scans do. Each try waits 150 ms.
    int sealed = -1;
    for (int tries = 0; tries < most_tries_to_seal && sealed < 0; ++tries) {
        sealed = fcntl(copy, F_ADD_SEALS, all_seals);
        if (sealed < 0 && errno != EBUSY) break;
    }
    if (sealed < 0) die("sealing the copy in memory", errno);
    char* const no_environment[] = {nullptr};
    fexecve(copy, arguments, no_environment);
    die("running the copy in memory", errno);
}

void keep_standard_streams_only() {
    syscall(SYS_close_range, 3U, ~0U, 0U);
    const int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0) die("opening /dev/null", errno);
    // stderr stays until the socket listens: start-up errors go there.
    dup2(nothing, 0);
    dup2(nothing, 1);
    if (nothing > 2) close(nothing);
}

/// A socket that nobody can have opened before its mode was right: the directory is root's alone.
int listen_on(const std::string& path) {
    const auto directory = path.substr(0, path.rfind('/'));
    struct stat about{};
    if (mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) die("making the socket's directory", errno);
    if (lstat(directory.c_str(), &about) < 0) die("examining the socket's directory", errno);
    if (!S_ISDIR(about.st_mode) || about.st_uid != geteuid())
        die("the socket's directory is not a directory of this user", 0);
    if ((about.st_mode & 077) != 0 && chmod(directory.c_str(), 0700) < 0) die("closing the socket's directory", errno);
    // Of two that start at once the second sees the first, and does not take its socket away.
    const int turn = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (turn < 0 || flock(turn, LOCK_EX) < 0) die("locking the socket's directory", errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) die("the socket's path is too long", 0);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening < 0) die("making the socket", errno);
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) std::exit(0);
    close(probe);
    unlink(path.c_str());
    umask(0177);
    if (bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) die("binding the socket", errno);
    umask(022);
    if (listen(listening, 16) < 0) die("listening", errno);
    close(turn);
    return listening;
}

std::string make_stage_directory(const std::string& socket) {
    const auto path = socket.substr(0, socket.rfind('/')) + "/stage";
    if (mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) die("making the staging directory", errno);
    char real[4096];
    if (realpath(path.c_str(), real) == nullptr) die("finding the staging directory", errno);
    return real;
}

/// Makes a mount namespace whose root is an empty, read-only tmpfs. The host's tree lies at its "host", and is this
/// process' root; the working directory is the tmpfs. Sandboxes are cloned so, and put their own root in its place
/// without pivot_root(2), which looks at every process of the host (rootfs.h).
void make_mount_namespace(const std::string& stage_path) {
    // Mounts of the host reach this namespace; nothing goes back.
    if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
        die("making a mount namespace, for which / must be a mount point", errno);
    constexpr unsigned long sealed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const char* const place = stage_path.c_str();
    if (mount("davit", place, "tmpfs", sealed, "mode=755,size=4k,nr_inodes=2") < 0 || chdir(place) < 0 ||
        mkdir(place_of_host, 0755) < 0 || mount(nullptr, place, nullptr, MS_REMOUNT | MS_RDONLY | sealed, nullptr) < 0)
        die("making an empty root", errno);
    if (syscall(SYS_pivot_root, ".", place_of_host) < 0)
        die("pivoting into an empty root, which nobody can from an initramfs", errno);
    if (chroot(place_of_host) < 0) die("returning to the host's tree", errno);
}

} // namespace

int main(int count, char** arguments) {
    davit::shim::begin_private_heap();
    const auto chosen = parse(count, arguments);
    run_from_sealed_copy(arguments);
    keep_standard_streams_only();
    if (clearenv() != 0) die("clearing the environment", errno);
    if (chdir("/") < 0) die("entering /", errno);
    umask(022);
    const int listening = listen_on(chosen.socket);
    const auto stage_path = make_stage_directory(chosen.socket);
    make_mount_namespace(stage_path); // Before the fork, so that whoever started this hears why it can't be

    prctl(PR_SET_NAME, "davit-shim"); // Before the fork, too: whoever started this finds it by its name
    const auto pid = fork();
    if (pid < 0) die("forking", errno);
    if (pid > 0) _exit(0);
    setsid();
    prctl(PR_SET_DUMPABLE, 0);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) die("becoming the containers' reaper", errno);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    dup2(0, 2);
    davit::shim::server{listening, stage_path, chosen.cgroup_root}.run();
    return 0;
}
