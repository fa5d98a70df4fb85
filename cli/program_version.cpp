#include "cli/program_version.h"

namespace davit::cli {

std::string_view program_version() noexcept {
    return DAVIT_VERSION;
}
std::string_view program_commit() noexcept {
    return DAVIT_COMMIT;
}

std::string_view program_architecture() noexcept {
#if defined(__x86_64__)
    return "amd64";
#elif defined(__aarch64__)
    return "arm64";
#else
#error "say how Go calls this architecture"
#endif
}

} // namespace davit::cli
