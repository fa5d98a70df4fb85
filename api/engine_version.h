#pragma once

#include <string_view>

namespace davit::api {

/// Davit's own version; the build says which.
inline constexpr std::string_view engine_version = DAVIT_VERSION;

} // namespace davit::api
