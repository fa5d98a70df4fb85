#pragma once

#include <vector>

#include "core/launch_plan.h"
#include "modules/runtime/native/shim/staging.h"

namespace davit::shim {

/// Makes the mounts of a plan inside `root`, in order. Targets are opened first and mounted on by descriptor; nothing
/// is mounted at or below /proc and /sys/fs/cgroup, whatever the way there is called.
void make_extra_mounts(const staging& stage, int root, const std::vector<mount_plan>& mounts);

} // namespace davit::shim
