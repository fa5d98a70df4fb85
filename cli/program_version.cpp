#include "cli/program_version.h"

namespace davit::cli {

std::string_view program_version() noexcept {
    return DAVIT_VERSION;
}
std::string_view program_commit() noexcept {
    return DAVIT_COMMIT;
}

} // namespace davit::cli
