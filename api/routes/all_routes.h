#pragma once

#include <span>

#include "api/router.h"

namespace davit::api {

/// Every endpoint, in the order in which they are tried.
std::span<const route> all_routes() noexcept;

} // namespace davit::api
