#pragma once

#include <string_view>

namespace davit::api {

/// Davit's own version: "0.1.0".
std::string_view engine_version() noexcept;

/// The commit that it was built from, short; "unknown" outside a checkout.
std::string_view engine_commit() noexcept;

/// When that commit was made, as RFC 3339, empty when unknown: stands for the time of the build, and is the same
/// whoever builds it.
std::string_view engine_commit_time() noexcept;

} // namespace davit::api
