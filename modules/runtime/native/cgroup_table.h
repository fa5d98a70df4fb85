#pragma once

#include <string>
#include <string_view>

namespace davit {

/// Whether /proc/PID/cgroup, whose text `table` is, names the cgroup `path` ("davit/<container id>") or one below it.
/// Where the reader has a cgroup namespace of its own, or the host puts all of the engine's into another, parts may
/// stand before the path. Never for an empty path.
inline bool lies_in_cgroup(std::string_view table, std::string_view path) {
    if (path.empty()) return false;
    const auto wanted = "/" + std::string{path};
    for (auto at = table.find(wanted); at != std::string_view::npos; at = table.find(wanted, at + 1)) {
        const auto end = at + wanted.size();
        if (end == table.size() || table[end] == '\n' || table[end] == '/') return true;
    }
    return false;
}

} // namespace davit
