#include "modules/network/bridge/bridge_device.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "io/descriptor.h"
#include "modules/network/bridge/subnet_choice.h"

namespace davit {

namespace {

/// Writes a kernel setting below /proc/sys/net. False when the kernel has no such setting.
bool write_setting(const std::string& name, std::string_view value) {
    const std::string path = "/proc/sys/net/" + name;
    const io::descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file && errno == ENOENT) return false;
    if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        throw error::system(errno, "writing \"{}\" to {}", value, path);
    return true;
}

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

/// What the sandbox is and where it is, the bridge is told, and it learns nothing: no frame can claim another's MAC
/// address, none is flooded to all for want of knowing, and ARP is answered without asking anybody.
void set_up_port(io::netlink_socket& kernel, const bridge_connection& connection) {
    io::netlink_batch port;
    port.set_quiet_port(connection.host_interface, {.learns = false,
                                                    .floods_unknown = false,
                                                    .is_isolated = connection.is_isolated,
                                                    .is_locked = true,
                                                    .has_arp_answered = true});
    port.set_neighbour(connection.bridge, connection.address, connection.mac);
    kernel.apply(std::move(port));
    const auto index = kernel.index_of(connection.host_interface);
    io::netlink_batch start;
    start.set_forwarding(index, connection.mac);
    start.set_up(index);
    kernel.apply(std::move(start));
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
        write_setting(fmt::format("ipv6/conf/{}/disable_ipv6", name), "1");
        write_setting(fmt::format("ipv6/conf/{}/accept_ra", name), "0");
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
        write_setting("ipv4/ip_forward", "1");
        log::info("IPv4 forwarding was off and is on now: this host also forwards between its other interfaces, unless "
                  "a packet filter forbids it");
    }
    return device;
}

void connect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection) {
    io::netlink_batch creation;
    creation.add_veth({.name = connection.host_interface,
                       .master = connection.bridge,
                       .peer_name = "eth0",
                       .peer_mac = connection.mac,
                       .peer_pid = connection.pid});
    try {
        kernel.apply(std::move(creation));
    } catch (const error& e) {
        if (e.system_errno() != EXFULL) throw;
        throw error(errc::unavailable,
                    "the bridge {} has {} ports, as many as Linux allows: stop a container before starting another",
                    connection.bridge_name, most_bridge_ports);
    }
    try {
        set_up_port(kernel, connection);
    } catch (...) {
        io::netlink_batch undo;
        undo.remove_link(connection.host_interface);
        undo.remove_neighbour(connection.bridge, connection.address);
        try {
            kernel.apply(std::move(undo));
        } catch (const error& e) {
            log::warn("{} may be left over: {}", connection.host_interface, e.text());
        }
        throw;
    }
}

void reconnect_sandbox(io::netlink_socket& kernel, const bridge_connection& connection) {
    try {
        io::netlink_batch port;
        port.set_master(connection.host_interface, connection.bridge);
        kernel.apply(std::move(port));
        set_up_port(kernel, connection);
    } catch (const error& e) {
        if (e.system_errno() != ENODEV && e.category() != errc::not_found)
            log::warn("{} stays off the bridge {}: {}", connection.host_interface, connection.bridge_name, e.text());
    }
}

} // namespace davit
