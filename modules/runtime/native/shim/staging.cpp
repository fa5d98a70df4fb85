#include "modules/runtime/native/shim/staging.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "modules/runtime/native/shim/devices.h"
#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {
namespace {

constexpr unsigned sealed = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

int open_directory(int base, const char* name) {
    const int directory = open_resolved(base, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (directory < 0) fail(failure_kind::internal, errno, "opening /%s while preparing the sandbox", name);
    return directory;
}

void attach_below(int mount, int base, const char* name) {
    const int target = open_directory(base, name);
    attach(mount, target, name);
    close(target);
    close(mount);
}

void stage_proc(staging& made) {
    attach_below(new_mount("proc", {}, sealed), made.directory, "proc");
    const int proc = open_directory(made.directory, "proc");
    struct statfs about{};
    if (fstatfs(proc, &about) < 0 || about.f_type != PROC_SUPER_MAGIC)
        fail(failure_kind::internal, errno, "the staged /proc is another file system");
    for (int* kept : {&made.own_proc, &made.settings})
        if (*kept >= 0) close(*kept);
    made.own_proc = open_directory(proc, std::to_string(getpid()).c_str());
    made.settings = open_directory(proc, "sys");
    close(proc);
}

void stage_sys(const staging& made, const sandbox_shape& shape, bool is_writable) {
    // sysfs shows the network namespace it was mounted in; the host's can only be mounted by a bind.
    const int mount = shape.own_network ? new_mount("sysfs", {}, sealed) : clone_mount(AT_FDCWD, "/sys", false);
    if (mount < 0) fail(failure_kind::internal, errno, "taking the host's /sys");
    set_attributes(mount, sealed | (is_writable ? 0 : MOUNT_ATTR_RDONLY), false);
    attach_below(mount, made.directory, "sys");
}

/// One empty read-only file system hides all the masked directories.
class masks {
  public:
    /// `base` is where the paths begin: the staging directory, or the container's root.
    masks(const staging& stage, int base) : stage_{stage}, base_{base} {}
    ~masks() {
        if (empty_directory_ >= 0) close(empty_directory_);
    }

    void hide(const char* path) {
        const int target = open_resolved(base_, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (target < 0) {
            if (errno == ENOENT || errno == ENOTDIR) return;
            fail(failure_kind::internal, errno, "masking %s", path);
        }
        struct stat about{};
        if (fstat(target, &about) < 0) fail(failure_kind::internal, errno, "masking %s", path);
        const int mount = S_ISDIR(about.st_mode) ? clone_mount(empty_directory(), "", false)
                                                 : clone_mount(stage_.null_device, "", false);
        if (mount < 0) fail(failure_kind::internal, errno, "masking %s", path);
        attach(mount, target, path);
        close(mount);
        close(target);
    }

  private:
    int empty_directory() {
        if (empty_directory_ < 0) {
            mkdirat(stage_.directory, "empty", 0555);
            attach_below(
                new_mount("tmpfs", {{"mode", "555"}, {"size", "4k"}, {"nr_inodes", "1"}}, sealed | MOUNT_ATTR_RDONLY),
                stage_.directory, "empty");
            empty_directory_ = open_directory(stage_.directory, "empty");
        }
        return empty_directory_;
    }

    const staging& stage_;
    int base_;
    int empty_directory_ = -1;
};

void make_read_only(int base, const char* path, unsigned attributes) {
    const int target = open_resolved(base, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (target < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return;
        fail(failure_kind::internal, errno, "making %s read-only", path);
    }
    const int mount = clone_mount(target, "", true);
    if (mount < 0) fail(failure_kind::internal, errno, "making %s read-only", path);
    set_attributes(mount, attributes, true);
    attach(mount, target, path);
    close(mount);
    close(target);
}

bool is_staged(std::string_view path) {
    for (const std::string_view tree : {"/proc", "/sys", "/dev"})
        if (path.substr(0, tree.size()) == tree && (path.size() == tree.size() || path[tree.size()] == '/'))
            return true;
    return false;
}

void hide_and_protect(const staging& stage, const std::vector<std::string>& masked,
                      const std::vector<std::string>& read_only) {
    masks over{stage, stage.directory};
    for (const auto& path : read_only)
        if (is_staged(path)) make_read_only(stage.directory, path.c_str(), MOUNT_ATTR_RDONLY | sealed);
    for (const auto& path : masked)
        if (is_staged(path)) over.hide(path.c_str());
}

} // namespace

staging stage(const shim_protocol::sandbox_template& shape, const std::string& stage_path) {
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
        fail(failure_kind::internal, errno, "making the sandbox's mounts private");
    staging made;
    made.first_root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (made.first_root < 0) fail(failure_kind::internal, errno, "opening the first root");
    made.path = stage_path;
    const int place = open_resolved(AT_FDCWD, stage_path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    if (place < 0) fail(failure_kind::internal, errno, "opening %s", stage_path.c_str());
    const int root = new_mount("tmpfs", {{"mode", "700"}}, MOUNT_ATTR_NOSUID);
    attach(root, place, "the sandbox's staging directory");
    close(place);
    made.directory = root;
    for (const char* name : {"proc", "sys", "dev", "root"})
        if (mkdirat(root, name, 0755) < 0) fail(failure_kind::internal, errno, "making /%s", name);
    stage_proc(made);
    stage_sys(made, shape.shape, false);
    made.null_device = stage_devices(root, shape.shape, shape.shm_size);
    made.null_reader = open_resolved(root, "dev/null", O_RDONLY | O_NOCTTY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (made.null_reader < 0) fail(failure_kind::internal, errno, "opening the staged /dev/null");
    hide_and_protect(made, shape.masked_paths, shape.read_only_paths);
    return made;
}

void restage_proc_and_sys(staging& stage, const sandbox_shape& shape, const std::vector<std::string>& masked,
                          const std::vector<std::string>& read_only, bool sys_is_writable) {
    umount2((stage.path + "/proc").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    umount2((stage.path + "/sys").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    stage_proc(stage);
    stage_sys(stage, shape, sys_is_writable);
    hide_and_protect(stage, masked, read_only);
}

void protect_root(const staging& stage, int root, const std::vector<std::string>& masked,
                  const std::vector<std::string>& read_only) {
    masks over{stage, root};
    for (const auto& path : read_only)
        if (!is_staged(path)) make_read_only(root, path.c_str(), MOUNT_ATTR_RDONLY);
    for (const auto& path : masked)
        if (!is_staged(path)) over.hide(path.c_str());
}

void stage_cgroups(const staging& stage, const std::vector<shim_protocol::cgroup_directory>& directories,
                   bool are_writable) {
    const unsigned attributes = sealed | (are_writable ? 0 : MOUNT_ATTR_RDONLY);
    const int place =
        open_resolved(stage.directory, "sys/fs/cgroup", O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (place < 0) {
        if (errno == ENOENT) return; // A kernel without control groups
        fail(failure_kind::internal, errno, "opening /sys/fs/cgroup");
    }
    if (directories.size() == 1 && directories.front().name.empty()) {
        const int mount = clone_mount(AT_FDCWD, directories.front().host_path.c_str(), false);
        if (mount < 0) fail(failure_kind::internal, errno, "taking cgroup %s", directories.front().host_path.c_str());
        set_attributes(mount, attributes, false);
        attach(mount, place, "/sys/fs/cgroup");
        close(mount);
        close(place);
        return;
    }
    const int table = new_mount("tmpfs", {{"mode", "755"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    attach(table, place, "/sys/fs/cgroup");
    close(place);
    for (const auto& [name, host_path] : directories) {
        if (mkdirat(table, name.c_str(), 0755) < 0)
            fail(failure_kind::internal, errno, "making /sys/fs/cgroup/%s", name.c_str());
        const int mount = clone_mount(AT_FDCWD, host_path.c_str(), false);
        if (mount < 0) fail(failure_kind::internal, errno, "taking cgroup %s", host_path.c_str());
        set_attributes(mount, attributes, false);
        attach_below(mount, table, name.c_str());
        // Controllers that share a hierarchy ("cpu,cpuacct") are found under each of their names.
        for (std::size_t start = 0; name.find(',') != std::string::npos && start <= name.size();) {
            const auto end = std::min(name.find(',', start), name.size());
            symlinkat(name.c_str(), table, name.substr(start, end - start).c_str());
            start = end + 1;
        }
    }
    set_attributes(table, attributes, false);
    close(table);
}

void unstage_cgroups(const staging& stage) {
    if (umount2((stage.path + "/sys/fs/cgroup").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        fail(failure_kind::internal, errno, "taking the sandbox's cgroups away");
}

int write_proc(int directory, const char* name, std::string_view text) {
    const int file = open_resolved(directory, name, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (file < 0) return errno;
    const auto count = write(file, text.data(), text.size());
    const int error = count < 0 ? errno : 0;
    close(file);
    return error;
}

} // namespace davit::shim
