#include "modules/runtime/native/shim/extra_mounts.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/magic.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"
#include "modules/runtime/native/shim/targets.h"

namespace davit::shim {
namespace {

// Files of /proc that programs emulate for containers (lxcfs does); a bind over them harms nobody.
constexpr std::string_view replaceable[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat",
                                            "/proc/swaps",   "/proc/uptime",    "/proc/loadavg", "/proc/slabinfo"};

bool is_at_or_below(std::string_view path, std::string_view base) {
    return path.substr(0, base.size()) == base && (path.size() == base.size() || path[base.size()] == '/');
}

/// Judges the opened target itself: the file system that it lies on, and the name that the kernel gives it.
void refuse_protected(const staging& stage, int target, const mount_plan& plan) {
    const auto name = "fd/" + std::to_string(target);
    char path[PATH_MAX];
    const auto length = readlinkat(stage.own_proc, name.c_str(), path, sizeof path);
    struct statfs about{};
    if (length < 0 || fstatfs(target, &about) < 0)
        fail(failure_kind::internal, errno, "judging mount target %s", plan.target.c_str());
    std::string_view real{path, static_cast<std::size_t>(length)};
    const auto base = stage.path + "/root";
    if (!is_at_or_below(real, base))
        fail(failure_kind::invalid, 0, "mount target %s lies outside the container", plan.target.c_str());
    real.remove_prefix(base.size());
    if (plan.kind == mount_kind::bind)
        for (const auto allowed : replaceable)
            if (real == allowed) return;
    const auto type = static_cast<unsigned long>(about.f_type);
    if (is_at_or_below(real, "/proc") || is_at_or_below(real, "/sys/fs/cgroup") || type == PROC_SUPER_MAGIC ||
        type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC)
        fail(failure_kind::invalid, 0, "mount target %s lies in %s, where nothing may be mounted", plan.target.c_str(),
             is_at_or_below(real, "/sys") ? "/sys/fs/cgroup" : "/proc");
    if (real.empty()) fail(failure_kind::invalid, 0, "mount target %s is the container's root", plan.target.c_str());
}

int new_tmpfs(const mount_plan& plan) {
    unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    const int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (context < 0) fail(failure_kind::internal, errno, "making a tmpfs");
    fsconfig(context, FSCONFIG_SET_STRING, "source", "tmpfs", 0);
    std::string_view left = plan.options;
    while (!left.empty()) {
        const auto end = left.find(',');
        const std::string option{left.substr(0, end)};
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
        if (option.empty() || option == "rw" || option == "exec" || option == "nosuid" || option == "nodev") continue;
        if (option == "ro")
            attributes |= MOUNT_ATTR_RDONLY;
        else if (option == "noexec")
            attributes |= MOUNT_ATTR_NOEXEC;
        else if (option == "noatime")
            attributes |= MOUNT_ATTR_NOATIME;
        else if (option == "relatime" || option == "suid" || option == "dev")
            continue; // The first is usual; the others aren't given
        else if (const auto equals = option.find('='); equals != std::string::npos) {
            if (fsconfig(context, FSCONFIG_SET_STRING, option.substr(0, equals).c_str(), option.c_str() + equals + 1,
                         0) < 0)
                fail(failure_kind::invalid, errno, "tmpfs option %s for %s", option.c_str(), plan.target.c_str());
        } else {
            fail(failure_kind::invalid, 0, "tmpfs option %s for %s is not known", option.c_str(), plan.target.c_str());
        }
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        fail(failure_kind::invalid, errno, "making the tmpfs for %s with options %s", plan.target.c_str(),
             plan.options.c_str());
    if (plan.is_read_only) attributes |= MOUNT_ATTR_RDONLY;
    const int mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
    if (mount < 0) fail(failure_kind::internal, errno, "making the tmpfs for %s", plan.target.c_str());
    close(context);
    return mount;
}

} // namespace

void make_extra_mounts(const staging& stage, int root, const std::vector<mount_plan>& mounts) {
    for (const auto& plan : mounts) {
        int mount = -1;
        auto kind = target_kind::directory;
        if (plan.kind == mount_kind::tmpfs) {
            mount = new_tmpfs(plan);
        } else {
            mount = clone_mount(AT_FDCWD, plan.host_source.c_str(), plan.is_recursive);
            if (mount < 0) {
                // Docker's sentence for a bind source that is not there.
                if (errno == ENOENT)
                    fail(failure_kind::invalid, 0, "bind source path does not exist: %s", plan.host_source.c_str());
                fail(failure_kind::internal, errno, "taking %s for a mount", plan.host_source.c_str());
            }
            struct stat about{};
            if (fstat(mount, &about) < 0) fail(failure_kind::internal, errno, "examining %s", plan.host_source.c_str());
            if (!S_ISDIR(about.st_mode)) kind = target_kind::file;
            const unsigned attributes =
                (plan.is_engine_file ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC : 0) |
                (plan.is_read_only ? MOUNT_ATTR_RDONLY : 0);
            if (attributes != 0) set_attributes(mount, attributes, plan.is_recursive);
        }
        const int target = open_target(root, plan.target, kind);
        refuse_protected(stage, target, plan);
        if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
            if (errno == ENOTDIR || errno == EINVAL)
                fail(failure_kind::invalid, errno,
                     "mounting %s at %s: are you trying to mount a directory onto a file (or vice-versa)?",
                     plan.host_source.c_str(), plan.target.c_str());
            fail(failure_kind::internal, errno, "mounting %s at %s", plan.host_source.c_str(), plan.target.c_str());
        }
        close(target);
        close(mount);
    }
}

} // namespace davit::shim
