#pragma once

#include <cstdint>
#include <string>

#include "api/engine.h"
#include "core/task.h"

namespace davit::api {

/// What a container takes on the disk. Docker Engine API: SizeRw and SizeRootFs.
struct container_size {
    std::int64_t written = 0; ///< By the container itself, bytes
    std::int64_t whole = 0;   ///< With its image
};

/// Adds up the files of a container's writable layer, on a worker. Errors: those of the storage driver.
task<container_size> measure(const engine& of, std::string container_id, std::string image_id);

/// The bytes of all files below a directory, each inode once. Links are not followed, whatever changes meanwhile; what
/// can't be read, and what lies deeper than 256 levels, is not counted. For a worker.
std::int64_t bytes_below(const std::string& directory);

} // namespace davit::api
