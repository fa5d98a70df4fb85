#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/ip_address.h"
#include "io/netlink.h"

namespace davit {

// The bridge itself and its ports, as calls on a netlink socket: they run on a worker.

/// The host's bridge, as it was found or made.
struct bridge_device {
    std::uint32_t index = 0;
    io::mac_address mac;
    io::ipv4_network address;
};

/// Errors: invalid when no interface can have this name.
void check_bridge_name(const std::string& name);

/// Makes the bridge unless it is there, gives it its address and sets it up, with packet forwarding on. `wanted`: its
/// address; without one it keeps the one it has, and a new one gets what `choose_subnet` chooses.
/// Errors: conflict when an interface of that name is no bridge, or every subnet is in use.
bridge_device set_up_bridge(io::netlink_socket& kernel, const std::string& name,
                            std::optional<io::ipv4_network> wanted);

/// What connects one sandbox to the bridge.
struct bridge_connection {
    std::uint32_t bridge = 0;
    std::string bridge_name;
    std::string host_interface;
    std::int32_t pid = 0;
    io::ipv4_address address;
    io::mac_address mac;
    bool is_isolated = false;
};

/// Makes the veth pair and everything that the bridge and the host must know of it. On failure nothing is left.
/// Errors: unavailable when the bridge has as many ports as Linux allows.
void connect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection);

/// Makes a sandbox's interface, which may have gone meanwhile, a port of the bridge again: that was made anew.
void reconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection);

/// How many ports Linux allows a bridge (BR_MAX_PORTS of the kernel, less the number 0).
inline constexpr std::size_t most_bridge_ports = 1023;

} // namespace davit
