#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client_configuration.h"
#include "cli/engine.h"
#include "core/task.h"

namespace davit::cli {

/// What the flags of a command line say of the engine that is meant.
struct endpoint_flags {
    std::vector<std::string> hosts; ///< As often as -H was given: once at most is right
    std::string context;
    bool uses_tls = false;
    std::optional<bool> verifies_tls; ///< Also when false, TLS is used
    std::string ca_file, certificate_file, key_file;
};

/// The engine that flags, environment and docker's files mean. The first of these wins: --context, -H, DAVIT_HOST,
/// DOCKER_HOST, DOCKER_CONTEXT, the current context of config.json, davit's own socket. A context is one that
/// `docker context` has made: its address and certificates are read from the folder of config.json.
/// Errors: exit_error in docker's words.
task<engine_address> find_endpoint(endpoint_flags given, const client_configuration& settings);

/// "unix:///path" or "tcp://host:port", completed as docker completes it: "tcp://", ":2376", "host".
/// Errors: invalid for an address of another kind.
std::string complete_host(std::string_view text, bool uses_tls);

} // namespace davit::cli
