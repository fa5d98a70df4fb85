#pragma once

#include <string>

#include "api/types/container_create.h"
#include "cli/client_configuration.h"
#include "cli/engine.h"
#include "core/task.h"

namespace davit::cli {

/// For --use-api-socket: adds the engine's socket to what a container is asked to have, and where it is to look for the
/// user's logins, unless it is told of others already. Returns the file of the logins, for `give_logins`; empty when
/// there is none to give. Errors: invalid (the engine is not reached by a unix socket, a login can't be read).
task<std::string> add_api_socket(api::create_body& to, const engine& api, const client_configuration& settings);

/// Puts the file into a container that was made so. Errors: unavailable, with the engine's words.
task<void> give_logins(engine& api, const std::string& container, std::string file);

} // namespace davit::cli
