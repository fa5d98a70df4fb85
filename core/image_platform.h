#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/image.h"
#include "core/platform.h"

namespace davit {

/// What an image's configuration says it runs on, normalised; linux when it names no system.
platform platform_of(const image_config& image);

/// Why an image can't stand for `wanted` (choice_order), in Docker's words; nothing when it can. `reference` is the
/// name that it was asked for by.
std::optional<std::string> platform_mismatch(std::string_view reference, const image_config& image,
                                             const platform& wanted);

/// Errors: not_found with that mismatch.
void check_platform(std::string_view reference, const image_config& image, const platform& wanted);

} // namespace davit
