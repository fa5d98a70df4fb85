#pragma once

#include <string>
#include <vector>

#include "cli/client_configuration.h"
#include "cli/container_flags.h"
#include "cli/engine.h"
#include "core/task.h"

namespace davit::cli {

/// Creates a container as the flags and words say, pulling its image where docker would. Returns the id; writes it to
/// --cidfile. Errors: engine_error, invalid (the image's name), conflict (--cidfile is there).
task<std::string> create_container(engine& api, const client_configuration& settings, const container_flags& flags,
                                   api::create_body body);

} // namespace davit::cli
