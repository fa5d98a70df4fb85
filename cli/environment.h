#pragma once

#include <cstdlib>
#include <string>

namespace davit::cli {

/// A variable of the environment (getenv(3)); empty when it is not set.
inline std::string environment_variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace davit::cli
