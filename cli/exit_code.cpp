#include "cli/exit_code.h"

namespace davit::cli {

int exit_code_of_refusal(std::string_view text) noexcept {
    const auto says = [&](std::string_view words) { return text.find(words) != std::string_view::npos; };
    if (says("executable file not found") || says("no such file or directory")) return 127;
    if (says("permission denied") || says("is a directory")) return 126;
    return 125;
}

} // namespace davit::cli
