#pragma once

#include <string>
#include <vector>

namespace davit {

/// The paths that are hidden from containers that are not privileged: Docker's list, with those that exist for each
/// CPU expanded for this host. Paths that a kernel does not have stay in the list; they are left out at launch.
std::vector<std::string> default_masked_paths();

/// The paths that such containers can read and not write.
std::vector<std::string> default_read_only_paths();

} // namespace davit
