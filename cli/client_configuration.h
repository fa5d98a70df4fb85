#pragma once

#include <map>
#include <string>

#include "core/task.h"

namespace davit::cli {

/// What this program heeds of docker's own file of settings, config.json in DOCKER_CONFIG or ~/.docker.
struct client_configuration {
    struct login {
        std::string auth; ///< base64 of user:password
        std::string identity_token;
    };

    std::string path; ///< Of the file, whether it is there or not
    std::string detach_keys;
    std::string ps_format;
    std::string images_format;
    std::map<std::string, login> logins; ///< By registry
    std::string credential_helper;
    std::map<std::string, std::string> credential_helpers; ///< By registry
};

/// Empty when there is no file. A file that can't be read is told on standard error, as docker tells it, and ignored.
task<client_configuration> read_client_configuration();

} // namespace davit::cli
