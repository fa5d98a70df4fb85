#pragma once

#include <string>
#include <vector>

#include "core/launch_plan.h"

namespace davit::shim {

/// Sets the limits of this process, clamped to what it may set.
void set_limits(const std::vector<rlimit_plan>& limits);

/// Enters the working directory, made when it is missing, and makes sure that it lies in the container.
void enter_working_directory(const std::string& path);

/// Runs the program; arguments[0] is looked up in the PATH of `environment` unless it has a '/'. Returns only to say,
/// through `fail`, why it could not.
[[noreturn]] void execute(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

} // namespace davit::shim
