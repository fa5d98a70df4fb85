#include "modules/network/bridge/subnet_choice.h"

#include <algorithm>
#include <cstdint>

#include "core/error.h"

namespace davit {

std::optional<io::ipv4_network> choose_subnet(std::span<const io::ipv4_network> in_use) {
    const auto is_free = [&](const io::ipv4_network& candidate) {
        return std::none_of(in_use.begin(), in_use.end(), [&](const auto& used) { return used.overlaps(candidate); });
    };
    for (std::uint32_t second = 17; second <= 31; ++second) {
        const io::ipv4_network candidate{{172u << 24 | second << 16 | 1}, 16};
        if (is_free(candidate)) return candidate;
    }
    for (std::uint32_t third = 0; third <= 240; third += 16) {
        const io::ipv4_network candidate{{192u << 24 | 168u << 16 | third << 8 | 1}, 20};
        if (is_free(candidate)) return candidate;
    }
    return std::nullopt;
}

io::ipv4_network parse_bridge_address(const char* setting, const std::string& text) {
    const auto parsed = io::ipv4_network::parse(text);
    if (!parsed)
        throw error(errc::invalid, "{} is an IPv4 address with a prefix length, as 172.20.0.1/16, not \"{}\"", setting,
                    text);
    if (parsed->prefix_length < 8 || parsed->prefix_length > 30)
        throw error(errc::invalid, "{} \"{}\" has no usable prefix length: 8 to 30 are", setting, text);
    const auto first_byte = parsed->address.value >> 24;
    if (parsed->address == parsed->first() || parsed->address == parsed->last() || first_byte == 0 ||
        first_byte == 127 || first_byte >= 224)
        throw error(errc::invalid, "{} \"{}\" is no address that a host can have", setting, text);
    return *parsed;
}

} // namespace davit
