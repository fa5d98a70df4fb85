#pragma once

#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/launch_plan.h"

namespace davit {

enum class cgroup_version : unsigned char { v1, v2 };

/// What containers may be bound to.
struct host_processors {
    int count = 1;            ///< That the engine may run on
    std::string processors;   ///< Of the root cgroup, as the kernel lists them ("0-3"); empty: not known
    std::string memory_nodes; ///< The same
};

/// Reads them from sched_getaffinity(2) and the root cgroup's files.
host_processors read_host_processors(cgroup_version version);

/// Refuses limits that can't be right, or that the host can't keep (errc::invalid), in Docker's words.
void check_cgroup_limits(const host_config& host, const host_processors& on, std::vector<std::string>& warnings);

/// The cgroup files to write for a container's limits, in an order in which the kernel takes them.
std::vector<cgroup_setting> cgroup_settings(const host_config& host, cgroup_version version);

} // namespace davit
