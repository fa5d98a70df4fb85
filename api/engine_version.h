#pragma once

#include <string_view>

namespace davit::api {

/// Davit's own version: "0.1.0".
std::string_view engine_version() noexcept;

/// The commit that it was built from, short; "unknown" outside a checkout.
std::string_view engine_commit() noexcept;

} // namespace davit::api
