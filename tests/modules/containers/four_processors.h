#pragma once

#include "modules/containers/cgroup_limits.h"

namespace davit {

/// A host with four processors on one memory node.
inline const host_processors four_processors{4, "0-3", "0"};

} // namespace davit
