#include "modules/runtime/native/shim/rootfs.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {
namespace {

constexpr std::size_t longest_string = 255; ///< What one fsconfig(2) string may hold

/// Sets a path option. One that is too long for fsconfig, or holds what overlayfs takes for an escape in some options
/// and not in others, goes as a descriptor's name.
int set_path(int context, const char* option, const std::string& path) {
    if (path.size() <= longest_string && path.find('\\') == std::string::npos)
        return fsconfig(context, FSCONFIG_SET_STRING, option, path.c_str(), 0);
    const int directory = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) fail(failure_kind::internal, errno, "opening %s", path.c_str());
    const auto name = "/proc/self/fd/" + std::to_string(directory);
    const int result = fsconfig(context, FSCONFIG_SET_STRING, option, name.c_str(), 0);
    const int error = errno;
    close(directory);
    errno = error;
    return result;
}

/// Layers one by one (Linux 6.7). -1 when this kernel can't.
int overlay_by_parts(const rootfs_plan& plan) {
    const int context = fsopen("overlay", FSOPEN_CLOEXEC);
    if (context < 0) fail(failure_kind::internal, errno, "making an overlay");
    // Before 6.5 options are only looked at when it is mounted: what takes this one without a value doesn't know it.
    if (fsconfig(context, FSCONFIG_SET_FLAG, "lowerdir+", nullptr, 0) == 0) {
        close(context);
        return -1;
    }
    fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
    for (const auto& layer : plan.host_layers) {
        if (set_path(context, "lowerdir+", layer) == 0) continue;
        const int error = errno;
        if (error == EINVAL && access(layer.c_str(), F_OK) == 0) {
            close(context);
            return -1;
        }
        fail(failure_kind::internal, error, "adding layer %s to the overlay", layer.c_str());
    }
    if (set_path(context, "upperdir", plan.host_upper) < 0)
        fail(failure_kind::internal, errno, "setting the overlay's upper directory %s", plan.host_upper.c_str());
    if (set_path(context, "workdir", plan.host_work) < 0)
        fail(failure_kind::internal, errno, "setting the overlay's work directory %s", plan.host_work.c_str());
    if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        fail(failure_kind::internal, errno, "mounting the overlay of %s", plan.host_upper.c_str());
    const int mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
    if (mount < 0) fail(failure_kind::internal, errno, "mounting the overlay of %s", plan.host_upper.c_str());
    close(context);
    return mount;
}

/// All layers in one mount(2) string, which holds a page: by short links in the staging directory.
void overlay_by_links(const staging& stage, const rootfs_plan& plan) {
    std::string options = "lowerdir=";
    const auto add = [&](const std::string& name, const std::string& to) {
        if (symlinkat(to.c_str(), stage.directory, name.c_str()) < 0)
            fail(failure_kind::internal, errno, "naming %s for the overlay", to.c_str());
        options += name;
    };
    for (std::size_t i = 0; i < plan.host_layers.size(); ++i) {
        if (i > 0) options += ':';
        add("l" + std::to_string(i), plan.host_layers[i]);
    }
    options += ",upperdir=";
    add("u", plan.host_upper);
    options += ",workdir=";
    add("w", plan.host_work);
    if (fchdir(stage.directory) < 0 || mount("overlay", "root", "overlay", 0, options.c_str()) < 0)
        fail(failure_kind::internal, errno, "mounting the overlay of %s", plan.host_upper.c_str());
}

void move_below(const staging& stage, int root, const char* name) {
    int target =
        open_resolved(root, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (target < 0 && errno == ENOENT) {
        if (mkdirat(root, name, 0755) < 0) fail(failure_kind::invalid, errno, "making /%s in the container", name);
        target =
            open_resolved(root, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    }
    if (target < 0) {
        if (errno == ELOOP || errno == ENOTDIR || errno == EXDEV)
            fail(failure_kind::invalid, 0, "/%s in the image is not a directory; the container can't be started safely",
                 name);
        fail(failure_kind::invalid, errno, "opening /%s in the container", name);
    }
    move_tree(stage.directory, name, target);
    close(target);
}

} // namespace

int mount_rootfs(const staging& stage, const rootfs_plan& plan) {
    if (plan.host_layers.empty()) fail(failure_kind::invalid, 0, "the launch plan has no root file system");
    int mount = -1;
    if (plan.host_upper.empty()) {
        mount = clone_mount(AT_FDCWD, plan.host_layers.front().c_str(), false);
        if (mount < 0) fail(failure_kind::internal, errno, "mounting %s", plan.host_layers.front().c_str());
    } else {
        mount = overlay_by_parts(plan);
    }
    if (mount < 0) {
        overlay_by_links(stage, plan);
    } else {
        const int place = open_resolved(stage.directory, "root", O_PATH | O_DIRECTORY, RESOLVE_BENEATH);
        if (place < 0) fail(failure_kind::internal, errno, "opening the root's place");
        attach(mount, place, "the root file system");
        close(place);
        close(mount);
    }
    const int root = open_resolved(stage.directory, "root", O_PATH | O_DIRECTORY, RESOLVE_BENEATH);
    if (root < 0) fail(failure_kind::internal, errno, "opening the container's root");
    return root;
}

void move_standard_mounts(const staging& stage, int root) {
    move_below(stage, root, "proc");
    move_below(stage, root, "sys");
    move_below(stage, root, "dev");
}

void make_root_read_only(int root) {
    set_attributes(root, MOUNT_ATTR_RDONLY, false);
}

void enter_root(const staging& stage, int root) {
    attach(root, stage.first_root, "the container's root");
    // From here ".", which no mount covers, is the first root still.
    if (fchdir(stage.first_root) < 0 || umount2(place_of_host, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        fail(failure_kind::internal, errno, "leaving the host's tree");
    if (fchdir(root) < 0 || chroot(".") < 0) fail(failure_kind::internal, errno, "entering the container's root");
}

} // namespace davit::shim
