#include "api/engine_version.h"

namespace davit::api {

std::string_view engine_version() noexcept {
    return DAVIT_VERSION;
}

std::string_view engine_commit() noexcept {
    return DAVIT_COMMIT;
}

} // namespace davit::api
