#pragma once

#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/launch_plan.h"

namespace davit {

enum class cgroup_version : unsigned char { v1, v2 };

/// Refuses limits that can't be right (errc::invalid), in Docker's words.
void check_cgroup_limits(const host_config& host, std::vector<std::string>& warnings);

/// The cgroup files to write for a container's limits, in an order in which the kernel takes them.
std::vector<cgroup_setting> cgroup_settings(const host_config& host, cgroup_version version);

} // namespace davit
