#include "modules/runtime/native/host_cgroups.h"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

namespace davit {
namespace {

/// Where cgroups may be: the root (v2), or also one place below it for each hierarchy (v1).
std::vector<std::string> cgroup_hierarchies() {
    namespace fs = std::filesystem;
    const fs::path root{"/sys/fs/cgroup"};
    std::error_code none;
    std::vector<std::string> hierarchies{root};
    if (!fs::exists(root / "cgroup.controllers", none))
        for (const auto& entry : fs::directory_iterator{root, none})
            if (!entry.is_symlink(none)) hierarchies.push_back(entry.path());
    return hierarchies;
}

} // namespace

std::vector<std::string> existing_cgroups(const std::vector<std::string>& paths) {
    static const std::vector<std::string> hierarchies = cgroup_hierarchies();
    std::vector<std::string> found;
    for (const auto& path : paths)
        if (std::any_of(hierarchies.begin(), hierarchies.end(), [&](const std::string& hierarchy) {
                return ::access((hierarchy + "/" + path).c_str(), F_OK) == 0;
            }))
            found.push_back(path);
    return found;
}

} // namespace davit
