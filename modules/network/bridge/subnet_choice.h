#pragma once

#include <optional>
#include <span>

#include "io/ip_address.h"

namespace davit {

/// The bridge's address in the first subnet that overlaps nothing in use on the host, in Docker's order: 172.17.0.1/16
/// to 172.31.0.1/16, then 192.168.0.1/20 to 192.168.240.1/20. Nothing when all of them overlap something. `in_use`: the
/// networks of the host's addresses and routes, without the default route.
std::optional<io::ipv4_network> choose_subnet(std::span<const io::ipv4_network> in_use);

/// The bridge's address and prefix length from a setting ("172.20.0.1/16").
/// Errors: invalid when it is not an address that a host can have in a subnet with room for a container.
io::ipv4_network parse_bridge_address(const char* setting, const std::string& text);

} // namespace davit
