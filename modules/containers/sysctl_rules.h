#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/container_config.h"

namespace davit {

/// Refuses a sysctl that is not of a namespace, or whose namespace the container shares with the host, or whose name is
/// anything but words between dots (errc::invalid).
void check_sysctls(const host_config& host);

/// The sysctls of a container: Docker's defaults for its own network namespace, and the request's.
std::vector<std::pair<std::string, std::string>> planned_sysctls(const host_config& host);

} // namespace davit
