#pragma once

#include <string>
#include <utility>
#include <vector>

#include "modules/runtime/native/shim/staging.h"

namespace davit::shim {

/// Writes kernel settings that belong to the sandbox's own namespaces; every other key is refused.
void write_sysctls(const staging& stage, const sandbox_shape& shape,
                   const std::vector<std::pair<std::string, std::string>>& sysctls);

/// What Docker sets in every network namespace of its own: any user may listen on any port and send ICMP echo requests,
/// since both are the container's own. A plan's sysctls come later and win. Errors of a kernel without these keys are
/// passed over.
void allow_unprivileged_network(const staging& stage);

} // namespace davit::shim
