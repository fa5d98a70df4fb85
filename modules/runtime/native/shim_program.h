#pragma once

#include <optional>
#include <string>

#include "core/task.h"
#include "io/descriptor.h"

namespace davit {

/// Where davit-shim is and where it listens.
struct shim_program {
    std::string path;   ///< The program
    std::string socket; ///< In a directory of the shim's own
};

/// `configured`, or davit-shim beside this program, or where packages put it. Errors: not_found, naming the places.
std::string find_shim_program(const std::string& configured);

/// Connects to a running shim; nothing when none listens. Errors: denied when another user's process listens there.
std::optional<io::descriptor> connect_to_shim(const std::string& socket);

/// Starts a shim, which goes on in the background; returns when it listens. Errors: unavailable with what it said.
task<void> start_shim(shim_program program);

} // namespace davit
