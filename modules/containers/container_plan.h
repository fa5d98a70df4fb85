#pragma once

#include <string>

#include "core/container_service.h"
#include "core/launch_plan.h"
#include "core/sandbox_provider.h"
#include "core/security_profiles.h"
#include "modules/containers/cgroup_limits.h"

namespace davit {

/// What plans depend on beside the container: facts of the host and the engine that don't change while it runs.
struct plan_host {
    cgroup_version cgroups = cgroup_version::v2;
    std::string containers_directory; ///< <data-root>/containers
};

/// The sandbox that a container asks for.
sandbox_request sandbox_for(const host_config& host);

/// The container's cgroup, below each hierarchy.
std::string cgroup_path(const container_record& of);

/// The whole launch of a container: a function of its record and the host's facts. The plan owns all that it holds, and
/// nothing of it comes from another container. Errors: invalid (no command).
launch_plan make_launch_plan(const container_record& of, rootfs_plan rootfs, const plan_host& on,
                             const security_profiles& profiles);

/// The environment of a container's process: the defaults (PATH, HOSTNAME, TERM with a terminal), overridden by the
/// container's own; a variable without a value takes a default away.
std::vector<std::string> planned_environment(const container_config& config);

} // namespace davit
