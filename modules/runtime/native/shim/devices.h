#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/launch_plan.h"

namespace davit::shim {

/// Builds the container's /dev at `stage`/dev: a tmpfs with the standard nodes and links, a devpts instance of its own,
/// /dev/shm and /dev/mqueue. Returns an O_PATH descriptor of its null device, checked to be character device 1:3.
int stage_devices(int stage, const sandbox_shape& shape, std::uint64_t shm_size);

/// Sets the size of the staged /dev/shm.
void resize_shm(int stage, std::uint64_t bytes);

/// Takes the staged /dev/shm away.
void remove_shm(const std::string& stage_path);

/// Makes the nodes that a plan adds, inside `root`.
void make_devices(int root, const std::vector<device_plan>& devices);

} // namespace davit::shim
