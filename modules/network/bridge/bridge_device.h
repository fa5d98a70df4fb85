#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/ip_address.h"
#include "io/netlink.h"
#include "modules/network/bridge/segment_device.h"

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
    std::optional<segment_device> segment; ///< That its port is on; without one it is on the bridge itself
    std::string host_interface;
    std::int32_t pid = 0;
    io::ipv4_address address;
    io::mac_address mac;
    bool is_isolated = false;
};

/// What the sandbox is and where it is, the bridge is told, and it learns nothing: no frame can claim another's MAC
/// address, none is flooded to all for want of knowing, and ARP is answered without asking anybody.
io::bridge_port sandbox_port(bool is_isolated);

/// Makes a veth pair one end of which is a port of the bridge with this name.
/// Errors: unavailable when the bridge has as many ports as Linux allows.
void add_port(io::netlink_socket& kernel, const io::veth_pair& pair, const std::string& bridge);

/// Removes an interface, which may have gone meanwhile. A failure is told in the log.
void remove_interface(io::netlink_socket& kernel, const std::string& name);

/// Makes the veth pair and everything that the bridge and the host must know of it. On failure nothing is left.
/// Errors: as `add_port`.
void connect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection);

/// Makes a sandbox's interface, which may have gone meanwhile, a port again: its bridge was made anew.
void reconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection);

/// Has the bridge forget a sandbox. The veth pair goes with the namespace: deleting it would wait for the kernel, tens
/// of milliseconds. Until then its forwarding entry is harmless, and the next owner of the address moves it to its own
/// port.
void disconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection);

/// How many ports Linux allows a bridge (BR_MAX_PORTS of the kernel, less the number 0).
inline constexpr std::size_t most_bridge_ports = 1023;

} // namespace davit
