// Any bytes as an image reference, a digest or a platform: refused with an error, or its texts read back as the same.
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "core/platform.h"
#include "core/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        const auto reference = davit::image_reference::parse(text);
        if (davit::image_reference::parse(reference.text()) != reference ||
            davit::image_reference::parse(reference.familiar()) != reference || reference.path().empty() ||
            reference.path().find("..") != std::string::npos || reference.path().front() == '/')
            std::abort();
    } catch (const davit::error&) {
    }
    if (davit::digest::is_valid(text) && davit::digest::parse(text).text() != text) std::abort();
    try {
        const auto platform = davit::parse_platform(text);
        if (davit::parse_platform(platform.text()) != platform) std::abort();
    } catch (const davit::error&) {
    }
    return 0;
}
