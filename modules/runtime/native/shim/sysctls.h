#pragma once

#include <string>
#include <utility>
#include <vector>

#include "modules/runtime/native/shim/staging.h"

namespace davit::shim {

/// Writes kernel settings that belong to the sandbox's own namespaces; every other key is refused.
void write_sysctls(const staging& stage, const sandbox_shape& shape,
                   const std::vector<std::pair<std::string, std::string>>& sysctls);

} // namespace davit::shim
