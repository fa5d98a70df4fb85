#include "modules/runtime/native/shim/mounts.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"

namespace davit::shim {

int new_mount(const char* type, std::initializer_list<mount_option> options, unsigned attributes) {
    const int context = fsopen(type, FSOPEN_CLOEXEC);
    if (context < 0) fail(failure_kind::internal, errno, "making a %s file system", type);
    // The name that mountinfo shows in place of a device.
    fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);
    for (const auto& [name, value] : options) {
        const int result = value == nullptr ? fsconfig(context, FSCONFIG_SET_FLAG, name, nullptr, 0)
                                            : fsconfig(context, FSCONFIG_SET_STRING, name, value, 0);
        if (result < 0)
            fail(failure_kind::internal, errno, "setting %s=%s on a %s file system", name,
                 value == nullptr ? "" : value, type);
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        fail(failure_kind::internal, errno, "creating a %s file system", type);
    const int mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
    if (mount < 0) fail(failure_kind::internal, errno, "mounting a %s file system", type);
    close(context);
    return mount;
}

int clone_mount(int directory, const char* path, bool is_recursive) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path == '\0' ? AT_EMPTY_PATH : 0u) |
                           (is_recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u);
    return open_tree(directory, path, flags);
}

void set_attributes(int mount, unsigned attributes, bool is_recursive) {
    mount_attr change{};
    change.attr_set = attributes;
    if (mount_setattr(mount, "", AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0), &change, sizeof change) < 0)
        fail(failure_kind::internal, errno, "setting the attributes of a mount");
}

void attach(int mount, int target, const char* what) {
    if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        fail(failure_kind::internal, errno, "attaching the mount of %s", what);
}

void move_tree(int directory, const char* name, int target) {
    if (move_mount(directory, name, target, "", MOVE_MOUNT_T_EMPTY_PATH) < 0)
        fail(failure_kind::internal, errno, "moving the mount of /%s into the container", name);
}

int open_resolved(int directory, const char* path, int flags, unsigned long long resolve) {
    open_how how{};
    how.flags = static_cast<unsigned long long>(flags | O_CLOEXEC);
    how.resolve = resolve;
    return static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

} // namespace davit::shim
