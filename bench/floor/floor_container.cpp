#include "bench/floor/floor_container.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/floor/floor_network.h"
#include "bench/floor/floor_report.h"

namespace davit::floor {
namespace {

constexpr std::uint32_t default_capabilities = 0xa80425fb; // Docker's fourteen

void check(long result, const char* what) {
    if (result >= 0) return;
    std::fprintf(stderr, "launch_floor: in the container: %s: %s\n", what, std::strerror(errno));
    _exit(1);
}

void mount_new(const char* type, const char* target, unsigned long flags, const char* options) {
    check(mount(type, target, type, flags, options), target);
}

/// /proc, /sys and /dev, complete, on a tmpfs that nobody else sees.
void build_stage(const container_plan& plan) {
    constexpr unsigned long sealed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");
    mount_new("tmpfs", plan.stage.c_str(), MS_NOSUID, "mode=700");
    check(chdir(plan.stage.c_str()), "the stage");
    for (const char* name : {"proc", "sys", "dev", "root"}) check(mkdir(name, 0755), name);
    mount_new("proc", "proc", sealed, nullptr);
    if (plan.has_network)
        mount_new("sysfs", "sys", sealed | MS_RDONLY, nullptr);
    else
        check(mount("/sys", "sys", nullptr, MS_BIND, nullptr), "sys");
    mount_new("tmpfs", "dev", MS_NOSUID, "mode=755,size=65536k");
    constexpr struct {
        const char* name;
        unsigned major, minor;
    } nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                 {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    for (const auto& node : nodes) check(mknod(node.name, S_IFCHR | 0666, makedev(node.major, node.minor)), node.name);
    constexpr const char* links[][2] = {{"pts/ptmx", "dev/ptmx"},
                                        {"/proc/self/fd", "dev/fd"},
                                        {"/proc/self/fd/0", "dev/stdin"},
                                        {"/proc/self/fd/1", "dev/stdout"},
                                        {"/proc/self/fd/2", "dev/stderr"}};
    for (const auto& link : links) check(symlink(link[0], link[1]), link[1]);
    for (const char* name : {"dev/pts", "dev/shm", "dev/mqueue"}) check(mkdir(name, 0755), name);
    mount_new("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
    mount_new("tmpfs", "dev/shm", sealed, "mode=1777,size=65536k");
    mount_new("mqueue", "dev/mqueue", sealed, nullptr);
}

void mount_root(const container_plan& plan) {
    const int context = fsopen("overlay", FSOPEN_CLOEXEC);
    check(context, "overlay");
    if (fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", plan.image.c_str(), 0) < 0)
        check(fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", plan.image.c_str(), 0), "lowerdir");
    check(fsconfig(context, FSCONFIG_SET_STRING, "upperdir", plan.upper.c_str(), 0), "upperdir");
    check(fsconfig(context, FSCONFIG_SET_STRING, "workdir", plan.work.c_str(), 0), "workdir");
    check(fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "overlay");
    const int root = fsmount(context, FSMOUNT_CLOEXEC, 0);
    check(root, "overlay");
    check(move_mount(root, "", AT_FDCWD, "root", MOVE_MOUNT_F_EMPTY_PATH), "overlay");
    close(context);
    close(root);
    for (const char* name : {"proc", "sys", "dev"}) {
        const std::string target = std::string{"root/"} + name;
        check(move_mount(AT_FDCWD, name, AT_FDCWD, target.c_str(), 0), name);
    }
}

void drop_rights() {
    check(sethostname("floor", 5), "hostname");
    for (int capability = 0; capability < 64; ++capability)
        if (capability > 31 || (default_capabilities >> capability & 1) == 0)
            if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) break;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{{default_capabilities, default_capabilities, 0}, {0, 0, 0}};
    check(syscall(SYS_capset, &header, data), "capabilities");
}

} // namespace

void run_container(const container_plan& plan) {
    char byte = 0;
    if (read(plan.go, &byte, 1) != 1) _exit(1);
    auto& times = *plan.times;
    times.began = now();
    if (plan.has_network) configure_inside(plan.host_number);
    times.network = now();
    build_stage(plan);
    times.mounts = now();
    mount_root(plan);
    times.overlay = now();
    check(chdir("root"), "root");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "the old root");
    check(chdir("/"), "/");
    times.pivot = now();
    drop_rights();
    times.rights = now();
    char program[] = "/bin/true";
    char path[] = "PATH=/bin";
    char* arguments[] = {program, nullptr};
    char* environment[] = {path, nullptr};
    check(execve(program, arguments, environment), "exec");
    _exit(1);
}

} // namespace davit::floor
