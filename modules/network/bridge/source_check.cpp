#include "modules/network/bridge/source_check.h"

#include <fmt/format.h>

namespace davit {

namespace {

constexpr int mac_in_frame = 8;   // The last four bytes of the source MAC address, which are the IPv4 address's
constexpr int source_in_ip = 12;  // RFC 791
constexpr int source_in_arp = 14; // RFC 826, for Ethernet and IPv4
constexpr int bits_of_a_byte = 8;

/// Drops what has, as its source, an address of the subnet that is not its MAC address's. No two fields of a packet can
/// be compared (until Linux 6.13): each byte pair is looked up among the pairs of equal bytes. `source`: its place
/// behind the frame's header.
std::string same_or_drop(const io::ipv4_network& subnet, int source) {
    std::string rules;
    // The bytes that are the subnet's own are its containers' MAC addresses' as well.
    for (int byte = subnet.prefix_length / bits_of_a_byte; byte < 4; ++byte)
        rules += fmt::format("        @ll,{},8 . @nh,{},8 != @equal_bytes drop\n",
                             (mac_in_frame + byte) * bits_of_a_byte, (source + byte) * bits_of_a_byte);
    return rules;
}

std::string is_in(const io::ipv4_network& subnet, int source) {
    return fmt::format("@nh,{},{} {:#x}", source * bits_of_a_byte, subnet.prefix_length,
                       subnet.first().value >> (32 - subnet.prefix_length));
}

std::string equal_bytes() {
    std::string pairs;
    for (int byte = 0; byte < 256; ++byte) pairs += fmt::format("{}{} . {}", byte == 0 ? "" : ", ", byte, byte);
    return pairs;
}

} // namespace

std::string bridge_source_check::rules() const {
    // A frame's first VLAN tag is out of the way before a bridge sees it. One with a second tag hides what it carries
    // from us, and not from who receives it: the kernel takes off tags with the number 0 until none is left.
    return fmt::format(
        R"(
    set equal_bytes {{
        typeof @ll,64,8 . @nh,96,8
        flags constant
        elements = {{ {pairs} }}
    }}
    chain ip_source {{
{ip_source}    }}
    chain arp_source {{
{arp_source}    }}
    chain prerouting {{
        type filter hook prerouting priority filter; policy accept;
        iifname != "{ports}*" accept
{uplinks}        meta protocol {{ 8021q, 8021ad }} drop
        meta protocol ip {is_in_ip} jump ip_source
        meta protocol arp {is_in_arp} jump arp_source
    }})",
        fmt::arg("pairs", equal_bytes()), fmt::arg("ip_source", same_or_drop(subnet, source_in_ip)),
        fmt::arg("arp_source", same_or_drop(subnet, source_in_arp)), fmt::arg("ports", port_prefix),
        fmt::arg("uplinks",
                 segment_prefix.empty() ? "" : fmt::format("        iifname \"{}*\" accept\n", segment_prefix)),
        fmt::arg("is_in_ip", is_in(subnet, source_in_ip)), fmt::arg("is_in_arp", is_in(subnet, source_in_arp)));
}

} // namespace davit
