#pragma once

#include "core/launch_plan.h"
#include "modules/runtime/native/shim/staging.h"

namespace davit::shim {

/// Mounts the container's root at the staging directory's "root". Returns an O_PATH descriptor of it.
int mount_rootfs(const staging& stage, const rootfs_plan& plan);

/// Moves the staged /proc, /sys and /dev under the root. Each must be a real directory there; what is missing is made.
void move_standard_mounts(const staging& stage, int root);

/// Makes the root read-only, without the mounts below it.
void make_root_read_only(int root);

/// Enters the root and drops everything else from the mount namespace.
void enter_root(int root);

} // namespace davit::shim
