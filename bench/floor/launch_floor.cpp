// launch_floor: the kernel's share of one container launch and nothing else, as a measure for engines.
//
//     launch_floor [--network bridge|none] [--launches N] [--directory DIR] [--json]
//
// Each launch clones a process with namespaces of its own, puts it into the cgroups that are mounted, gives it a veth
// pair on a bridge (unless none is asked for), builds its /proc, /sys and /dev, mounts an overlay over an image with a
// static busybox, pivots, drops capabilities, executes /bin/true, waits for it and cleans up. Needs root and
// /bin/busybox.

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/sched.h>
#include <memory>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "bench/floor/floor_container.h"
#include "bench/floor/floor_network.h"
#include "bench/floor/floor_report.h"

namespace {

using namespace davit::floor;

constexpr std::uint32_t first_host = 2;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "launch_floor: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

struct options {
    bool has_bridge = true;
    int launches = 100;
    std::string directory = "/tmp";
    bool as_json = false;
};

options parse(int count, char** arguments) {
    options chosen;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        const char* value = i + 1 < count ? arguments[i + 1] : nullptr;
        if (name == "--json") {
            chosen.as_json = true;
            continue;
        }
        if (value != nullptr && name == "--network" && (!std::strcmp(value, "bridge") || !std::strcmp(value, "none")))
            chosen.has_bridge = !std::strcmp(value, "bridge");
        else if (value != nullptr && name == "--launches" && std::atoi(value) > 0)
            chosen.launches = std::atoi(value);
        else if (value != nullptr && name == "--directory")
            chosen.directory = value;
        else {
            std::fputs("usage: launch_floor [--network bridge|none] [--launches N] [--directory DIR] [--json]\n",
                       stderr);
            std::exit(2);
        }
        ++i;
    }
    return chosen;
}

/// The cgroup hierarchies that a launch joins: the v2 one, or the v1 ones that containers need.
std::vector<std::string> hierarchies() {
    constexpr long v2_magic = 0x63677270;
    struct statfs about{};
    if (statfs("/sys/fs/cgroup", &about) == 0 && about.f_type == v2_magic) return {"/sys/fs/cgroup"};
    std::vector<std::string> found;
    for (const char* name : {"memory", "cpuacct", "blkio", "pids", "freezer", "devices"})
        if (const std::string path = std::string{"/sys/fs/cgroup/"} + name;
            access((path + "/cgroup.procs").c_str(), F_OK) == 0)
            found.push_back(path);
    return found;
}

void write_file(const std::string& path, const std::string& text) {
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text.data(), text.size()) < 0) die(path);
    close(file);
}

std::string make_image(const std::string& directory) {
    const auto image = directory + "/image";
    for (const char* name : {"/bin", "/proc", "/sys", "/dev"}) std::filesystem::create_directories(image + name);
    std::filesystem::copy_file("/bin/busybox", image + "/bin/busybox");
    std::filesystem::create_symlink("busybox", image + "/bin/true");
    return image;
}

/// Makes directories, launches, waits, cleans up; adds the times to `into`.
void launch(const options& chosen, const std::string& directory, int number, bridge* on, times_inside* times,
            report& into) {
    const auto began = now();
    auto last = began;
    const auto lap = [&](phase which) {
        const auto at = now();
        into.add(which, at - last);
        last = at;
    };
    const auto own = directory + "/" + std::to_string(number);
    container_plan plan{directory + "/image",
                        own + "/upper",
                        own + "/work",
                        directory + "/stage",
                        true,
                        chosen.has_bridge ? first_host + static_cast<std::uint32_t>(number) % 60000 : 0,
                        -1,
                        times};
    for (const auto& path : {own, plan.upper, plan.work})
        if (mkdir(path.c_str(), 0755) < 0) die(path);
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0) die("pipe");
    plan.go = go[0];
    lap(phase::directories);

    clone_args how{};
    how.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    how.exit_signal = SIGCHLD;
    const auto pid = static_cast<int>(syscall(SYS_clone3, &how, sizeof how));
    if (pid < 0) die("clone3");
    if (pid == 0) run_container(plan);
    lap(phase::clone);

    static const auto all = hierarchies();
    const auto name = "/floor-" + std::to_string(getpid()) + "-" + std::to_string(number);
    for (const auto& hierarchy : all)
        if (mkdir((hierarchy + name).c_str(), 0755) < 0) die(hierarchy + name);
    for (const auto& hierarchy : all) write_file(hierarchy + name + "/cgroup.procs", std::to_string(pid));
    lap(phase::cgroups);
    if (on != nullptr) {
        char port[16];
        std::snprintf(port, sizeof port, "f%x",
                      static_cast<unsigned>(getpid()) << 12 | (static_cast<unsigned>(number) & 0xfff));
        on->add_port(port, pid);
        lap(phase::veth);
    }
    if (write(go[1], "x", 1) != 1) die("pipe");
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) die("waitpid");
    if (status != 0) {
        std::fprintf(stderr, "launch_floor: the container ended with status %d\n", status);
        std::exit(1);
    }
    last = now();
    into.add(phase::child_network, times->network - times->began);
    into.add(phase::child_mounts, times->mounts - times->network);
    into.add(phase::child_overlay, times->overlay - times->mounts);
    into.add(phase::child_pivot, times->pivot - times->overlay);
    into.add(phase::child_rights, times->rights - times->pivot);
    into.add(phase::exec_to_exit, last - times->rights);
    into.add(phase::total_to_exit, last - began);
    close(go[0]);
    close(go[1]);
    for (const auto& hierarchy : all)
        if (rmdir((hierarchy + name).c_str()) < 0) die(hierarchy + name);
    lap(phase::cgroups_removed);
    for (const auto& path : {plan.work + "/work", plan.work, plan.upper, own})
        if (rmdir(path.c_str()) < 0) die(path);
    lap(phase::directories_removed);
    into.add(phase::total, last - began);
}

} // namespace

int main(int count, char** arguments) {
    const auto chosen = parse(count, arguments);
    auto pattern = chosen.directory + "/launch-floor-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) die(pattern);
    make_image(pattern);
    if (mkdir((pattern + "/stage").c_str(), 0700) < 0) die(pattern);
    auto* times = static_cast<times_inside*>(
        mmap(nullptr, sizeof(times_inside), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (times == MAP_FAILED) die("mmap");
    report all;
    {
        const auto on = chosen.has_bridge ? std::make_unique<bridge>("flr" + std::to_string(getpid())) : nullptr;
        for (int i = 0; i < chosen.launches; ++i) launch(chosen, pattern, i, on.get(), times, all);
    }
    std::filesystem::remove_all(pattern);
    const auto text =
        chosen.as_json ? all.as_json(chosen.has_bridge ? "bridge" : "none", chosen.launches) : all.as_text();
    std::fputs(text.c_str(), stdout);
    return 0;
}
