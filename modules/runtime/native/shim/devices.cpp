#include "modules/runtime/native/shim/devices.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"
#include "modules/runtime/native/shim/targets.h"

namespace davit::shim {
namespace {

struct node {
    const char* name;
    unsigned major;
    unsigned minor;
};
constexpr node standard_nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                                   {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

struct link {
    const char* name;
    const char* to;
};
constexpr link standard_links[] = {{"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},
                                   {"stdin", "/proc/self/fd/0"},  {"stdout", "/proc/self/fd/1"},
                                   {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"}};

void mount_on(int directory, const char* name, int mount) {
    if (mkdirat(directory, name, 0755) < 0 && errno != EEXIST)
        fail(failure_kind::internal, errno, "making /dev/%s", name);
    const int target = open_resolved(directory, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (target < 0) fail(failure_kind::internal, errno, "opening /dev/%s", name);
    attach(mount, target, name);
    close(target);
    close(mount);
}

} // namespace

int stage_devices(int stage, const sandbox_shape& shape, std::uint64_t shm_size) {
    const int dev =
        new_mount("tmpfs", {{"mode", "755"}, {"size", "65536k"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
    const int place = open_resolved(stage, "dev", O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (place < 0) fail(failure_kind::internal, errno, "opening the staged /dev");
    attach(dev, place, "/dev");
    close(place);

    const auto old_mask = umask(0);
    for (const auto& [name, major, minor] : standard_nodes)
        if (mknodat(dev, name, S_IFCHR | 0666, makedev(major, minor)) < 0)
            fail(failure_kind::internal, errno, "making /dev/%s", name);
    umask(old_mask);
    for (const auto& [name, to] : standard_links)
        if (symlinkat(to, dev, name) < 0) fail(failure_kind::internal, errno, "making /dev/%s", name);

    mount_on(dev, "pts",
             new_mount("devpts", {{"newinstance", nullptr}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}},
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    if (shape.own_ipc) {
        const auto size = std::to_string(shm_size);
        mount_on(dev, "shm",
                 new_mount("tmpfs", {{"mode", "1777"}, {"size", size.c_str()}},
                           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    } else if (const int host = clone_mount(AT_FDCWD, "/dev/shm", false); host >= 0) {
        set_attributes(host, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, false);
        mount_on(dev, "shm", host);
    }
    mount_on(dev, "mqueue", new_mount("mqueue", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));

    const int null_device = open_resolved(dev, "null", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
    struct stat about{};
    struct statfs system{};
    if (null_device < 0 || fstat(null_device, &about) < 0 || fstatfs(null_device, &system) < 0)
        fail(failure_kind::internal, errno, "opening the staged /dev/null");
    if (!S_ISCHR(about.st_mode) || about.st_rdev != makedev(1, 3) || system.f_type != TMPFS_MAGIC)
        fail(failure_kind::internal, 0, "the staged /dev/null is not the null device");
    close(dev);
    return null_device;
}

void resize_shm(int stage, std::uint64_t bytes) {
    const int context = fspick(stage, "dev/shm", FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW);
    const auto size = std::to_string(bytes);
    if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "size", size.c_str(), 0) < 0 ||
        fsconfig(context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) < 0)
        fail(failure_kind::invalid, errno, "setting the size of /dev/shm to %s bytes", size.c_str());
    close(context);
}

void remove_shm(const std::string& stage_path) {
    const auto shm = stage_path + "/dev/shm";
    if (umount2(shm.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0 || rmdir(shm.c_str()) < 0)
        fail(failure_kind::internal, errno, "taking /dev/shm away");
}

void make_devices(int root, const std::vector<device_plan>& devices) {
    for (const auto& device : devices) {
        const auto slash = device.path.rfind('/');
        if (slash == std::string::npos || slash + 1 == device.path.size())
            fail(failure_kind::invalid, 0, "%s is no path for a device", device.path.c_str());
        const int parent = open_target(root, device.path.substr(0, slash + 1), target_kind::directory);
        const auto name = device.path.substr(slash + 1);
        const auto type = device.kind == 'b' ? S_IFBLK : S_IFCHR;
        const auto old_mask = umask(0);
        unlinkat(parent, name.c_str(), 0);
        if (mknodat(parent, name.c_str(), type | (device.mode & 07777), makedev(device.major, device.minor)) < 0)
            fail(failure_kind::invalid, errno, "making device %s", device.path.c_str());
        umask(old_mask);
        close(parent);
    }
}

} // namespace davit::shim
