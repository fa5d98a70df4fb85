#pragma once

#include <string>
#include <string_view>

#include "io/ip_address.h"

namespace davit {

/// The packet filter table that keeps containers from speaking as each other or as the gateway: an IPv4 packet and an
/// ARP message that come from a container with an address of the subnet as their source must come from that address's
/// MAC address. Containers' MAC addresses follow from their IPv4 addresses, and the bridge holds each port to its own
/// (bridge_device.cpp), so a rule that compares the two serves all containers: nothing is added for one. Sources
/// outside the subnet pass, as a container may route for others.
struct bridge_source_check {
    io::ipv4_network subnet;
    std::string_view port_prefix; ///< What the names of containers' interfaces on the bridge begin with
    std::string segment_prefix;   ///< And those of its segments, whose uplinks carry what was checked where it came in

    /// The table's set and chains, in nft(8)'s language.
    std::string rules() const;
};

} // namespace davit
