#include "modules/registry/registry_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <sys/random.h>

#include <fmt/core.h>

#include "core/error.h"

namespace davit {

namespace {

bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// letters-or-digits, then any number of: one of ".", "_", "__" or hyphens, and letters-or-digits again.
bool is_component(std::string_view text) noexcept {
    if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
    for (std::size_t at = 0; at < text.size();) {
        if (is_alphanumeric(text[at])) {
            ++at;
            continue;
        }
        const char separator = text[at];
        const std::size_t end = std::min(text.find_first_not_of(separator, at), text.size());
        const std::size_t length = end - at;
        const bool is_allowed =
            separator == '-' || (separator == '.' && length == 1) || (separator == '_' && length <= 2);
        if (!is_allowed || !is_alphanumeric(text[end])) return false;
        at = end;
    }
    return true;
}

} // namespace

bool is_repository_name(std::string_view text) noexcept {
    if (text.size() > 255) return false;
    while (true) {
        const std::size_t slash = text.find('/');
        if (!is_component(text.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        text.remove_prefix(slash + 1);
    }
}

bool is_upload_id(std::string_view text) noexcept {
    const auto is_hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == 32 && std::all_of(text.begin(), text.end(), is_hexadecimal);
}

std::string make_upload_id() {
    std::array<unsigned char, 16> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        throw error(errc::internal, "the kernel gave no random bytes for an upload id");
    std::string id;
    for (const unsigned char byte : random) id += fmt::format("{:02x}", byte);
    return id;
}

} // namespace davit
