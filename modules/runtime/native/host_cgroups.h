#pragma once

#include <string>
#include <vector>

namespace davit {

/// Those of the cgroups' paths ("davit/<container id>") that are there in a hierarchy of the host. Looks at the disk.
std::vector<std::string> existing_cgroups(const std::vector<std::string>& paths);

} // namespace davit
