#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace davit::api {

/// A version of the Docker Engine API: 1.24, 1.55.
struct api_version {
    unsigned major = 0;
    unsigned minor = 0;

    auto operator<=>(const api_version&) const = default;
};

inline constexpr api_version oldest_version{1, 24};
inline constexpr api_version newest_version{1, 55};

std::string to_string(api_version version);

/// Reads digits with dots in between; parts beyond the second don't count. Nothing when the text is something else.
std::optional<api_version> parse_api_version(std::string_view text) noexcept;

/// Errors: invalid, with Docker's sentence, for a version that is not spoken here. `as_asked` is what the client wrote.
void check_is_spoken(api_version version, std::string_view as_asked);

} // namespace davit::api
