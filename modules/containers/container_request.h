#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/container_service.h"
#include "modules/containers/cgroup_limits.h"

namespace davit {

// What a create request may say. These are pure functions: no table is looked at, nothing is changed.

/// Refuses what can't be right (errc::invalid, in Docker's words where it has some), and what is understood and not
/// offered (errc::unsupported, naming it). Nothing that was asked for is ignored silently: what is only left out is
/// told in `warnings`.
void check_create_request(const create_request& request, const host_processors& on, std::vector<std::string>& warnings);

/// An absolute path in its shortest form, as Go's path.Clean gives it: no ".", no "..", no doubled or last slash.
std::string cleaned_path(std::string_view path);

/// The request's host configuration with the engine's defaults where it says nothing: network mode, shared memory,
/// swap.
host_config with_host_defaults(host_config asked);

} // namespace davit
