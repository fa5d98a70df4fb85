#include "api/api_version.h"

#include <array>
#include <charconv>

#include "core/error.h"

namespace davit::api {

std::string to_string(api_version version) {
    return fmt::format("{}.{}", version.major, version.minor);
}

std::optional<api_version> parse_api_version(std::string_view text) noexcept {
    std::array<unsigned, 2> parts{};
    std::size_t part = 0;
    if (text.empty()) return std::nullopt;
    while (true) {
        unsigned value = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failed != std::errc{}) return std::nullopt;
        if (part < parts.size()) parts[part] = value;
        ++part;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) return api_version{parts[0], parts[1]};
        if (text.front() != '.') return std::nullopt;
        text.remove_prefix(1);
    }
}

void check_is_spoken(api_version version, std::string_view as_asked) {
    if (version < oldest_version)
        throw error(errc::invalid,
                    "client version {} is too old. Minimum supported API version is {}, please upgrade your client to "
                    "a newer version",
                    as_asked, to_string(oldest_version));
    if (version > newest_version)
        throw error(errc::invalid, "client version {} is too new. Maximum supported API version is {}", as_asked,
                    to_string(newest_version));
}

} // namespace davit::api
