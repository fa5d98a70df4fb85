#include "core/image_platform.h"

#include <array>

#include <fmt/format.h>

#include "core/error.h"

namespace davit {

platform platform_of(const image_config& image) {
    return normalised({image.os.empty() ? "linux" : image.os, image.architecture, image.variant, {}});
}

std::optional<std::string> platform_mismatch(std::string_view reference, const image_config& image,
                                             const platform& wanted) {
    const std::array own{platform_of(image)};
    if (choose_platform(own, wanted)) return std::nullopt;
    return fmt::format("image with reference {} was found but its platform ({}) does not match the specified platform "
                       "({})",
                       reference, own.front().text(), wanted.text());
}

void check_platform(std::string_view reference, const image_config& image, const platform& wanted) {
    if (const auto mismatch = platform_mismatch(reference, image, wanted))
        throw error(errc::not_found, "{}", *mismatch);
}

} // namespace davit
