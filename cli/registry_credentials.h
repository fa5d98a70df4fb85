#pragma once

#include <string>

#include "core/task.h"

namespace davit::cli {

/// The X-Registry-Auth header for one registry, from the user's configuration ($DOCKER_CONFIG or
/// ~/.docker/config.json); empty when it has nothing for exactly this registry. Credential helpers run with PATH and
/// HOME alone. Errors: invalid (a damaged configuration, a helper that fails): nothing is sent anywhere then.
task<std::string> find_registry_credentials(std::string domain);

} // namespace davit::cli
