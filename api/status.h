#pragma once

#include "core/error.h"

namespace davit::api {

/// The HTTP status that tells a client of an error. The one table from categories to statuses; an error of the HTTP
/// layer itself (io::http_error) brings its own.
unsigned status_of(const error& failure) noexcept;

} // namespace davit::api
