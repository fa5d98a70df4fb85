#pragma once

#include <string_view>

namespace davit::cli {

/// What docker makes of a refusal to create or start a container: the shell's own codes for a command that is not there
/// (127) or can't be run (126), else 125.
int exit_code_of_refusal(std::string_view text) noexcept;

} // namespace davit::cli
