#pragma once

#include <cstdint>
#include <string>

namespace davit::shim {

enum class target_kind : std::uint8_t { directory, file };

/// Opens (O_PATH) the place inside `root` that `path` names, links followed but never out of `root`. What is missing is
/// made one part at a time, relative to descriptors: directories, and an empty file at the end for `file`.
int open_target(int root, const std::string& path, target_kind kind);

} // namespace davit::shim
