#pragma once

#include <string>

#include "io/ip_address.h"

namespace davit {

/// The packet filter table of one bridge: what is in it. It is the engine's own, so that another engine's or the
/// administrator's rules are neither read nor changed, and it has no rule for any single container.
struct bridge_firewall {
    std::string bridge;
    std::string segment_prefix;          ///< As `segment_prefix(bridge)`
    io::ipv4_network gateway;            ///< The bridge's address in its subnet
    bool containers_reach_others = true; ///< Each other, on this bridge (`icc`)

    /// The table's chains, in nft(8)'s language.
    std::string rules() const;
};

} // namespace davit
