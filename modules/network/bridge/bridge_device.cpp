#include "modules/network/bridge/bridge_device.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "io/descriptor.h"
#include "modules/network/bridge/network_setting.h"
#include "modules/network/bridge/subnet_choice.h"

namespace davit {

namespace {

bool is_forwarding() {
    const io::descriptor file{::open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC)};
    char state = '0';
    return file && ::read(file.get(), &state, 1) == 1 && state == '1';
}

io::ipv4_network find_free_subnet(io::netlink_socket& kernel, const std::string& bridge) {
    std::vector<io::ipv4_network> in_use;
    for (const auto& address : kernel.addresses()) in_use.push_back(address.address);
    for (const auto& route : kernel.routes())
        if (route.destination.prefix_length > 0) in_use.push_back(route.destination);
    const auto chosen = choose_subnet(in_use);
    if (!chosen)
        throw error(errc::conflict,
                    "every subnet that {} could have overlaps a network of this host; choose one with bip", bridge);
    return *chosen;
}

/// Gives the bridge exactly the address `wanted`, or finds what it has or could have.
io::ipv4_network settle_address(io::netlink_socket& kernel, const std::string& name, std::uint32_t index,
                                std::optional<io::ipv4_network> wanted) {
    std::vector<io::ipv4_network> present;
    for (const auto& address : kernel.addresses())
        if (address.link == index) present.push_back(address.address);
    if (!wanted && !present.empty()) return present.front();

    const io::ipv4_network settled = wanted ? *wanted : find_free_subnet(kernel, name);
    io::netlink_batch changes;
    for (const auto& address : present)
        if (address != settled) changes.remove_address(index, address);
    if (std::find(present.begin(), present.end(), settled) == present.end()) changes.add_address(index, settled);
    kernel.apply(std::move(changes));
    return settled;
}

/// Whether an engine was killed between making this bridge and setting it up. Somebody else's has no such address.
bool is_unfinished(const io::link_info& bridge) {
    return !bridge.is_up && bridge.mac &&
           std::equal(bridge.mac->bytes.begin(), bridge.mac->bytes.begin() + 2, io::mac_address::of({}).bytes.begin());
}

void set_up_port(io::netlink_socket& kernel, const bridge_connection& connection) {
    io::netlink_batch port;
    port.set_quiet_port(connection.host_interface, sandbox_port(connection.is_isolated));
    port.set_neighbour(connection.bridge, connection.address, connection.mac);
    if (connection.segment) port.set_neighbour(connection.segment->bridge, connection.address, connection.mac);
    kernel.apply(std::move(port));
    const auto index = kernel.index_of(connection.host_interface);
    io::netlink_batch start;
    start.set_forwarding(index, connection.mac);
    if (connection.segment) start.set_forwarding(connection.segment->uplink, connection.mac);
    start.set_up(index);
    kernel.apply(std::move(start));
}

/// Of what the bridges know. A port and its entries go with the namespace.
io::netlink_batch forget(const bridge_connection& connection) {
    io::netlink_batch entries;
    entries.remove_neighbour(connection.bridge, connection.address);
    if (connection.segment) {
        entries.remove_neighbour(connection.segment->bridge, connection.address);
        entries.remove_forwarding(connection.segment->uplink, connection.mac);
    }
    return entries;
}

std::uint32_t port_master(const bridge_connection& connection) {
    return connection.segment ? connection.segment->bridge : connection.bridge;
}

} // namespace

void check_bridge_name(const std::string& name) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char letter) {
        return std::isalnum(letter) || letter == '-' || letter == '_' || letter == '.';
    });
    if (!is_plain || name.empty() || name.size() > 15 || name == "." || name == "..")
        throw error(errc::invalid, "bridge \"{}\" can't be an interface's name: 1 to 15 of a-z A-Z 0-9 . _ - are",
                    name);
}

bridge_device set_up_bridge(io::netlink_socket& kernel, const std::string& name,
                            std::optional<io::ipv4_network> wanted) {
    bridge_device device;
    auto link = kernel.find_link(name);
    if (link && link->kind != "bridge")
        throw error(errc::conflict, "the interface {} is no bridge; choose another name with the setting bridge", name);
    if (!link) {
        // The address first: the MAC address follows from it.
        if (!wanted) wanted = find_free_subnet(kernel, name);
        io::netlink_batch creation;
        creation.add_bridge(name, io::mac_address::of(wanted->address));
        creation.quiet_ipv6(name);
        kernel.apply(std::move(creation));
        link = kernel.find_link(name);
        if (!link) throw error(errc::internal, "the bridge {} was made and is not there", name);
    }
    if (is_unfinished(*link)) {
        write_network_setting(fmt::format("ipv6/conf/{}/disable_ipv6", name), "1");
        write_network_setting(fmt::format("ipv6/conf/{}/accept_ra", name), "0");
    }
    if (!link->mac) throw error(errc::internal, "the bridge {} has no MAC address", name);
    device.index = link->index;
    device.mac = *link->mac;
    device.address = settle_address(kernel, name, link->index, wanted);
    io::netlink_batch start;
    // Containers know it for good, whoever made the bridge. The kernel forgets all neighbours behind it then.
    if (device.mac != io::mac_address::of(device.address.address)) start.set_mac(link->index, device.mac);
    start.set_up(link->index);
    kernel.apply(std::move(start));

    if (!is_forwarding()) {
        write_network_setting("ipv4/ip_forward", "1");
        log::info("IPv4 forwarding was off and is on now: this host also forwards between its other interfaces, unless "
                  "a packet filter forbids it");
    }
    return device;
}

io::bridge_port sandbox_port(bool is_isolated) {
    return {.learns = false,
            .floods_unknown = false,
            .is_isolated = is_isolated,
            .is_locked = true,
            .has_arp_answered = true};
}

void add_port(io::netlink_socket& kernel, const io::veth_pair& pair, const std::string& bridge) {
    io::netlink_batch creation;
    creation.add_veth(pair);
    try {
        kernel.apply(std::move(creation));
    } catch (const error& e) {
        if (e.system_errno() != EXFULL) throw;
        throw error(errc::unavailable,
                    "the bridge {} has {} ports, as many as Linux allows: stop a container before starting another",
                    bridge, most_bridge_ports);
    }
}

void remove_interface(io::netlink_socket& kernel, const std::string& name) {
    io::netlink_batch removal;
    removal.remove_link(name);
    try {
        kernel.apply(std::move(removal));
    } catch (const error& e) {
        if (e.system_errno() != ENODEV) log::warn("{} may be left over: {}", name, e.text());
    }
}

void connect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection) {
    add_port(kernel,
             {.name = connection.host_interface,
              .master = port_master(connection),
              .peer_name = "eth0",
              .peer_mac = connection.mac,
              .peer_pid = connection.pid},
             connection.segment ? connection.segment->name : connection.bridge_name);
    try {
        set_up_port(kernel, connection);
    } catch (...) {
        disconnect_sandbox(kernel, connection);
        remove_interface(kernel, connection.host_interface);
        throw;
    }
}

void reconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection) {
    try {
        io::netlink_batch port;
        port.set_master(connection.host_interface, port_master(connection));
        kernel.apply(std::move(port));
        set_up_port(kernel, connection);
    } catch (const error& e) {
        if (e.system_errno() != ENODEV && e.category() != errc::not_found)
            log::warn("{} stays off the bridge {}: {}", connection.host_interface, connection.bridge_name, e.text());
    }
}

void disconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection) {
    try {
        kernel.apply(forget(connection));
    } catch (const error& e) {
        // Of a bridge, or a segment, that somebody has deleted or taken apart, nobody needs to be forgotten.
        if (e.category() != errc::not_found && e.system_errno() != ENODEV && e.system_errno() != EOPNOTSUPP)
            log::warn("{} is still known to the bridge {}: {}", connection.host_interface, connection.bridge_name,
                      e.text());
    }
}

} // namespace davit
