#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace davit::io {

/// An IPv4 address. `value` is in host order, so that addresses count and compare as numbers do.
struct ipv4_address {
    std::uint32_t value = 0;

    /// Four decimal numbers, "172.17.0.1"; nothing for anything else (no octal, no shortened forms).
    static std::optional<ipv4_address> parse(std::string_view text);
    std::string to_string() const;

    auto operator<=>(const ipv4_address&) const = default;
};

/// An address with its prefix length: an interface's ("172.17.0.1/16"), or a whole network ("172.17.0.0/16").
struct ipv4_network {
    ipv4_address address;
    int prefix_length = 32;

    static std::optional<ipv4_network> parse(std::string_view text);
    std::string to_string() const;

    /// The network's lowest address ("172.17.0.0") and its highest ("172.17.255.255").
    ipv4_address first() const noexcept;
    ipv4_address last() const noexcept;
    /// The same network with its lowest address as `address`.
    ipv4_network whole() const noexcept { return {first(), prefix_length}; }
    bool contains(ipv4_address inside) const noexcept { return first() <= inside && inside <= last(); }
    bool overlaps(const ipv4_network& other) const noexcept {
        return first() <= other.last() && other.first() <= last();
    }

    bool operator==(const ipv4_network&) const = default;
};

/// An Ethernet address.
struct mac_address {
    std::array<std::uint8_t, 6> bytes{};

    /// Six pairs of hexadecimal digits with colons, "02:42:ac:11:00:02".
    static std::optional<mac_address> parse(std::string_view text);
    std::string to_string() const;

    /// The locally administered address that belongs to an IPv4 address: 02:42 and its four bytes, as Docker's.
    static mac_address of(ipv4_address address) noexcept;

    bool operator==(const mac_address&) const = default;
};

} // namespace davit::io
