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

/// Covers the namespace's first root with this one, drops the host's tree from the namespace and enters. All stands as
/// after pivot_root(2), which would take the longer the more processes the host has: it looks for those that stand in
/// the old root. Here none does.
void enter_root(const staging& stage, int root);

} // namespace davit::shim
