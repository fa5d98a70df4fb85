#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"

namespace davit {

/// What an image runs on (OCI image-spec, image-index.md §platform), in the names of the Go compiler: "linux", "amd64".
struct platform {
    std::string os;
    std::string architecture;
    std::string variant;    ///< "v7" of arm, "v3" of amd64; empty for the usual one (v8 of arm64, v1 of amd64)
    std::string os_version; ///< Windows only

    auto operator<=>(const platform&) const = default;

    /// "linux/arm/v7"
    std::string text() const;
};

template <> struct fields_of<platform> {
    static constexpr field_list list{
        field("architecture", &platform::architecture),
        field("os", &platform::os),
        field("os.version", &platform::os_version, when_empty::omit),
        field("variant", &platform::variant, when_empty::omit),
    };
};

/// The platform that this program was built for, which is the one it runs on.
platform host_platform();

/// Reads "os/architecture[/variant]", or an os or an architecture alone (the host's other half is filled in), and
/// normalises it. Errors: invalid, naming the part.
platform parse_platform(std::string_view text);

/// The usual names for what people and other engines write: x86_64 is amd64, aarch64 is arm64, armhf is arm/v7, …
platform normalised(platform named);

/// What can run where `wanted` can, the best first and `wanted` itself before all: lower variants of its architecture,
/// then 386 for amd64, and the 32-bit arm variants for arm64.
std::vector<platform> choice_order(const platform& wanted);

/// The index of the best of `offered` for `wanted`, by choice_order; among equals the first. Nothing when none fits.
std::optional<std::size_t> choose_platform(std::span<const platform> offered, const platform& wanted);

} // namespace davit
