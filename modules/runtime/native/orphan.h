#pragma once

#include <cstdint>
#include <string>

#include "core/task.h"
#include "io/descriptor.h"

namespace davit {

/// Opens a pidfd of a process that a dead shim has launched, if `pid` still names it and not one that came later:
/// `started_after` (microseconds of CLOCK_BOOTTIME) was taken after it began and before it could end; where the
/// kernel's clock ticks too slowly to tell, the process must be in its cgroup. Empty: it has ended.
/// Errors: those of the system calls; whether it runs is not known then.
io::descriptor open_orphan(std::int32_t pid, std::int64_t started_after, const std::string& cgroup_path);

/// Returns when the process has ended.
task<void> wait_for_orphan(io::descriptor pidfd);

} // namespace davit
