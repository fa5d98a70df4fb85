#pragma once

#include <string>
#include <vector>

#include "modules/runtime/native/protocol.h"

namespace davit::shim {

/// What a sandbox has ready before its plan comes: a private tmpfs, seen by nobody else, on which the container's
/// /proc, /sys and /dev stand complete, to be moved under its root as they are.
struct staging {
    int first_root = -1;  ///< The empty root of the mount namespace, which the host's tree hangs below
    int directory = -1;   ///< The root of the tmpfs; "proc", "sys", "dev" and "root" lie in it
    int own_proc = -1;    ///< The sandbox's own directory in the staged /proc
    int settings = -1;    ///< The staged /proc/sys below what is mounted over it: the way to write settings
    int null_device = -1; ///< /dev/null of the staged /dev, checked
    int null_reader = -1; ///< The same, opened for reading: stdin of who has none
    std::string path;     ///< Where the tmpfs is mounted, as /proc/self/fd shows it before enter_root
};

/// Where the host's tree lies below the namespace's first root.
inline constexpr const char* place_of_host = "host";

/// Builds all of it, with the namespace's first root for working directory. `stage_path` is an empty directory on the
/// host that only root can reach.
staging stage(const shim_protocol::sandbox_template& shape, const std::string& stage_path);

/// Makes /proc and /sys anew, where a plan asks for other masks than those that were staged.
void restage_proc_and_sys(staging& stage, const sandbox_shape& shape, const std::vector<std::string>& masked,
                          const std::vector<std::string>& read_only, bool sys_is_writable);

/// Hides and protects what a plan names beyond /proc, /sys and /dev, in the root with all its mounts.
void protect_root(const staging& stage, int root, const std::vector<std::string>& masked,
                  const std::vector<std::string>& read_only);

/// Mounts the sandbox's cgroups at the staged /sys/fs/cgroup.
void stage_cgroups(const staging& stage, const std::vector<shim_protocol::cgroup_directory>& directories,
                   bool are_writable);

/// Takes them away again.
void unstage_cgroups(const staging& stage);

/// Writes to a file in `directory`, which lies in the staged /proc, on no other mount. 0 or an errno.
int write_proc(int directory, const char* name, std::string_view text);

} // namespace davit::shim
