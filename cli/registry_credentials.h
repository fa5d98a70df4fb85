#pragma once

#include <string>

#include "cli/client_configuration.h"
#include "core/task.h"

namespace davit::cli {

/// The X-Registry-Auth header for one registry, from the user's settings: of the credential helper that they name, or
/// of the logins in their file. Empty when there is none for exactly this registry; also when it is damaged or the
/// helper fails, of which standard error is told: what a registry gives to everybody can still be had.
task<std::string> find_registry_credentials(const client_configuration& stored, std::string domain);

/// All logins that the settings and their helpers have, as the text of a config.json that holds nothing else. Empty
/// when there is none. Errors: invalid when one is damaged or a helper fails.
task<std::string> all_registry_credentials(const client_configuration& stored);

} // namespace davit::cli
