#pragma once

#include <chrono>
#include <string>

#include "api/api_version.h"
#include "api/engine.h"
#include "api/types/container_inspect.h"
#include "api/types/container_summary.h"
#include "core/task.h"

namespace davit::api {

/// A container in a list.
container_summary summarize(const engine& from, const container_record& container, api_version version);

/// A container as inspect shows it, but for what must be asked of the storage driver.
container_inspect inspect(const engine& from, const container_record& container, api_version version);

/// "Up 2 minutes", "Exited (0) 3 days ago": the state in words.
std::string describe_state(const container_record& container, std::chrono::system_clock::time_point now);

/// The name of the network that a container is on: "bridge" for Docker's "default".
std::string network_of(const container_record& container);

} // namespace davit::api
