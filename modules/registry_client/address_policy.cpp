#include "modules/registry_client/address_policy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <optional>

#include <fmt/format.h>

namespace davit {
namespace {

bool lies_in(io::ipv4_address address, std::string_view network) {
    const auto parsed = io::ipv4_network::parse(network);
    return parsed && parsed->contains(address);
}

std::optional<io::ipv4_address> ipv4_of(const io::socket_address& address) {
    if (address.family() == AF_INET) return io::ipv4_address::parse(address.host());
    if (address.family() != AF_INET6) return std::nullopt;
    const auto& raw = reinterpret_cast<const sockaddr_in6*>(address.native())->sin6_addr.s6_addr;
    static constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static constexpr std::array<std::uint8_t, 12> translated = {0, 0x64, 0xff, 0x9b, 0, 0,
                                                                0, 0,    0,    0,    0, 0}; // RFC 6052
    if (std::memcmp(raw, mapped.data(), 12) != 0 && std::memcmp(raw, translated.data(), 12) != 0) return std::nullopt;
    return io::ipv4_address{static_cast<std::uint32_t>(raw[12]) << 24 | static_cast<std::uint32_t>(raw[13]) << 16 |
                            static_cast<std::uint32_t>(raw[14]) << 8 | raw[15]};
}

address_reach reach_of(io::ipv4_address address) {
    if (lies_in(address, "127.0.0.0/8")) return address_reach::loopback;
    if (lies_in(address, "169.254.0.0/16")) return address_reach::link_local;
    if (lies_in(address, "0.0.0.0/8") || address.value >= 0xe0000000u) return address_reach::none;
    for (const char* network : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"})
        if (lies_in(address, network)) return address_reach::internal;
    return address_reach::open;
}

} // namespace

address_reach reach_of(const io::socket_address& address) {
    if (const auto ipv4 = ipv4_of(address)) return reach_of(*ipv4);
    if (address.family() != AF_INET6) return address_reach::none;
    if (address.is_loopback()) return address_reach::loopback;
    const auto& raw = reinterpret_cast<const sockaddr_in6*>(address.native())->sin6_addr.s6_addr;
    if (raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80) return address_reach::link_local;
    if ((raw[0] & 0xfe) == 0xfc) return address_reach::internal;
    if (raw[0] == 0xff || std::ranges::all_of(raw, [](std::uint8_t byte) { return byte == 0; }))
        return address_reach::none;
    return address_reach::open;
}

bool may_lead_to(address_reach registry, address_reach target) noexcept {
    switch (target) {
    case address_reach::open:
        return true;
    case address_reach::internal:
        return registry == address_reach::internal || registry == address_reach::loopback;
    case address_reach::link_local:
    case address_reach::loopback:
        return registry == target;
    case address_reach::none:
        return false;
    }
    return false;
}

insecure_registries::insecure_registries(const std::vector<std::string>& told) {
    for (const std::string& text : told) {
        if (const auto network = io::ipv4_network::parse(text))
            networks_.push_back(*network);
        else
            names_.push_back(text);
    }
}

bool insecure_registries::contains(std::string_view host, std::uint16_t port, const io::socket_address& dialled) const {
    const std::string with_port = fmt::format("{}:{}", host, port);
    const auto is_named = [&](const std::string& name) { return name == host || name == with_port; };
    if (std::ranges::any_of(names_, is_named)) return true;
    const auto ipv4 = ipv4_of(dialled);
    return ipv4 && std::ranges::any_of(networks_, [&](const auto& network) { return network.contains(*ipv4); });
}

} // namespace davit
