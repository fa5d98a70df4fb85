#pragma once

#include <string_view>

namespace davit::cli {

std::string_view program_version() noexcept; ///< "0.1.0"
std::string_view program_commit() noexcept;
/// As images name it: "amd64".
std::string_view
program_architecture() noexcept; ///< Of the source that this program was built from; "unknown" without git

} // namespace davit::cli
