#include "core/platform.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::array known_systems{"aix",   "android", "darwin",  "dragonfly", "freebsd", "illumos", "ios",    "js",
                                   "linux", "netbsd",  "openbsd", "plan9",     "solaris", "wasip1",  "windows"};
constexpr std::array known_architectures{"386",      "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
                                         "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};

template <std::size_t Size> bool is_among(const std::array<const char*, Size>& known, std::string_view name) {
    return std::ranges::any_of(known, [&](std::string_view one) { return one == name; });
}

void lower(std::string& text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

bool is_component(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '-';
    });
}

/// The number in "v7", 0 when it is none.
int variant_number(std::string_view variant) {
    if (variant.size() != 2 || variant[0] != 'v' || variant[1] < '1' || variant[1] > '9') return 0;
    return variant[1] - '0';
}

void add_lower_variants(std::vector<platform>& order, platform base, int below, int lowest) {
    for (int number = below - 1; number >= lowest; --number) {
        base.variant = fmt::format("v{}", number);
        order.push_back(normalised(base));
    }
}

} // namespace

std::string platform::text() const {
    return variant.empty() ? fmt::format("{}/{}", os, architecture)
                           : fmt::format("{}/{}/{}", os, architecture, variant);
}

platform host_platform() {
#if defined(__x86_64__)
    return {"linux", "amd64", "", ""};
#elif defined(__aarch64__)
    return {"linux", "arm64", "", ""};
#else
#error "Davit runs on x86-64 and arm64"
#endif
}

platform normalised(platform named) {
    lower(named.os);
    lower(named.architecture);
    lower(named.variant);
    if (named.os == "macos") named.os = "darwin";

    auto& architecture = named.architecture;
    auto& variant = named.variant;
    if (variant.size() == 1 && variant[0] >= '0' && variant[0] <= '9') variant.insert(0, "v");
    if (architecture == "i386") {
        architecture = "386";
        variant.clear();
    } else if (architecture == "x86_64" || architecture == "x86-64" || architecture == "amd64") {
        architecture = "amd64";
        if (variant == "v1") variant.clear();
    } else if (architecture == "aarch64" || architecture == "arm64") {
        architecture = "arm64";
        if (variant == "v8") variant.clear();
    } else if (architecture == "armhf" || (architecture == "arm" && variant.empty())) {
        architecture = "arm";
        variant = "v7";
    } else if (architecture == "armel") {
        architecture = "arm";
        variant = "v6";
    }
    return named;
}

platform parse_platform(std::string_view text) {
    std::vector<std::string> parts;
    for (std::string_view rest = text;;) {
        const auto slash = rest.find('/');
        parts.emplace_back(rest.substr(0, slash));
        if (!is_component(parts.back()))
            throw error(errc::invalid,
                        "\"{}\" is an invalid component of \"{}\": platform specifier component must be letters, "
                        "digits, _, . or -",
                        parts.back().substr(0, 64), text.substr(0, 128));
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }

    if (parts.size() == 1) {
        auto guess = normalised({parts[0], parts[0], "", ""});
        if (is_among(known_systems, guess.os)) {
            auto host = host_platform();
            host.os = guess.os;
            return host;
        }
        if (is_among(known_architectures, guess.architecture)) {
            guess.os = host_platform().os;
            return guess;
        }
    }
    if (parts.size() == 2 || parts.size() == 3)
        return normalised({parts[0], parts[1], parts.size() == 3 ? parts[2] : "", ""});
    throw error(errc::invalid, "\"{}\": unknown operating system or architecture", text.substr(0, 128));
}

std::vector<platform> choice_order(const platform& wanted) {
    std::vector<platform> order{normalised(wanted)};
    const platform first = order.front();
    if (first.architecture == "amd64") {
        add_lower_variants(order, first, variant_number(first.variant), 1);
        order.push_back({first.os, "386", "", first.os_version});
    } else if (first.architecture == "arm") {
        add_lower_variants(order, first, variant_number(first.variant), 5);
    } else if (first.architecture == "arm64") {
        add_lower_variants(order, first, variant_number(first.variant), 8);
        add_lower_variants(order, {first.os, "arm", "", first.os_version}, 9, 5);
    }
    return order;
}

std::optional<std::size_t> choose_platform(std::span<const platform> offered, const platform& wanted) {
    for (const auto& acceptable : choice_order(wanted)) {
        for (std::size_t at = 0; at < offered.size(); ++at) {
            const auto candidate = normalised(offered[at]);
            const bool has_same_version =
                acceptable.os_version.empty() || candidate.os_version == acceptable.os_version;
            if (candidate.os == acceptable.os && candidate.architecture == acceptable.architecture &&
                candidate.variant == acceptable.variant && has_same_version)
                return at;
        }
    }
    return std::nullopt;
}

} // namespace davit
