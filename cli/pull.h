#pragma once

#include <cstdio>
#include <string>

#include "cli/client_configuration.h"
#include "cli/engine.h"
#include "core/task.h"

namespace davit::cli {

struct pull_options {
    std::string image; ///< As the user named it
    std::string platform;
    bool takes_all_tags = false;
    bool is_quiet = false;
    std::FILE* progress_to = stdout;
};

/// Pulls an image with the credentials that the user's settings have for its registry, showing the progress.
/// Returns the image's whole name. Errors: engine_error; unavailable with the engine's words when it fails on the way.
task<std::string> pull_image(engine& api, const client_configuration& settings, pull_options options);

} // namespace davit::cli
