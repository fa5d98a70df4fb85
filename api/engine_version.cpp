#include "api/engine_version.h"

namespace davit::api {

std::string_view engine_version() noexcept {
    return DAVIT_VERSION;
}

std::string_view engine_commit() noexcept {
    return DAVIT_COMMIT;
}

std::string_view engine_commit_time() noexcept {
    return DAVIT_COMMIT_TIME;
}

} // namespace davit::api
