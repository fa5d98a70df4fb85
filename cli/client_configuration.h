#pragma once

#include <map>
#include <string>

#include "core/task.h"

namespace davit::cli {

/// What this program heeds of docker's own file of settings, config.json in --config, DOCKER_CONFIG or ~/.docker.
struct client_configuration {
    struct login {
        std::string auth; ///< base64 of user:password; or both apart:
        std::string user;
        std::string password;
        std::string identity_token;
    };

    /// What containers are told of proxies. Empty: nothing.
    struct proxies {
        std::string http, https, ftp, all, no_proxy;
    };

    std::string folder; ///< That the file would be in, whether it is there or not
    std::string current_context;
    std::string detach_keys;
    std::string ps_format;
    std::string images_format;
    std::map<std::string, login> logins; ///< By registry
    std::string credential_helper;
    std::map<std::string, std::string> credential_helpers; ///< By registry
    std::map<std::string, std::string> headers;            ///< That requests to the engine carry
    std::map<std::string, proxies> proxies_of;             ///< By engine's address, or "default"
};

/// `folder`: empty for the one that the environment means. The settings are empty when there is no file. A file that
/// can't be read is told on standard error, as docker tells it, and ignored.
task<client_configuration> read_client_configuration(std::string folder = {});

} // namespace davit::cli
