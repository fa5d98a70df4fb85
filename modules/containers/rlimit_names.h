#pragma once

#include "core/container_config.h"
#include "core/launch_plan.h"

namespace davit {

/// A limit of setrlimit(2) by its Docker name ("nofile", "core"); -1 stands for no limit.
/// Errors: invalid for an unknown name, or a soft limit above the hard one.
rlimit_plan to_rlimit(const ulimit_config& limit);

} // namespace davit
