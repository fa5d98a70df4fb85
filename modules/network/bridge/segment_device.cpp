#include "modules/network/bridge/segment_device.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "modules/network/bridge/bridge_device.h"
#include "modules/network/bridge/network_setting.h"

namespace davit {

namespace {

/// Of a bridge with segments: "~", two digits and the letter of an uplink's end follow.
constexpr std::size_t longest_name = 15 - 4;

int first_free_number(io::netlink_socket& kernel, const std::string& bridge) {
    for (int number = 1; number <= most_segments; ++number)
        if (!kernel.find_link(segment_name(bridge, number))) return number;
    throw error(errc::conflict, "the interfaces {}1 to {}{} are all there", segment_prefix(bridge),
                segment_prefix(bridge), most_segments);
}

/// No container has it, whose own begin with 02:42, and no other segment of the bridge.
io::mac_address mac_of(int number) {
    return {{0x06, 0x42, 0, 0, 0, static_cast<std::uint8_t>(number)}};
}

void silence(const std::string& segment) {
    write_network_setting(fmt::format("ipv6/conf/{}/disable_ipv6", segment), "1");
    // Otherwise the host answers, here as well, who asks for one of its addresses (arp_ignore in ip-sysctl.rst).
    write_network_setting(fmt::format("ipv4/conf/{}/arp_ignore", segment), "8");
}

/// The port that leads up gets all that is not for one of the segment's; the one that leads down is for them what their
/// own ports are.
void connect_segment(io::netlink_socket& kernel, const segment_device& segment, const std::string& name,
                     const bridge_device& bridge, bool is_isolated) {
    const std::string upper = segment_device::upper_end(segment.name);
    const std::string lower = segment_device::lower_end(segment.name);
    add_port(kernel, {.name = upper, .master = bridge.index, .peer_name = lower}, name);
    io::netlink_batch ports;
    ports.set_quiet_port(upper, sandbox_port(is_isolated));
    ports.set_master(lower, segment.bridge);
    ports.set_quiet_port(lower, {.learns = false});
    kernel.apply(std::move(ports));
    io::netlink_batch start;
    start.set_forwarding(kernel.index_of(lower), bridge.mac);
    for (const auto& interface : {segment.name, lower, upper}) start.set_up(interface);
    kernel.apply(std::move(start));
}

/// The number in the name of a segment, or of its uplink's end `end`; 0 for other names.
int number_in(std::string_view name, std::string_view prefix, std::string_view end) {
    if (prefix.empty() || !name.starts_with(prefix) || !name.ends_with(end)) return 0;
    name.remove_prefix(prefix.size());
    name.remove_suffix(end.size());
    int number = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
    return read.ec == std::errc{} && read.ptr == name.data() + name.size() ? number : 0;
}

} // namespace

std::string segment_prefix(const std::string& bridge) {
    return bridge.size() <= longest_name ? bridge + "~" : "";
}

std::string segment_name(const std::string& bridge, int number) {
    return segment_prefix(bridge) + std::to_string(number);
}

segment_device make_segment(io::netlink_socket& kernel, const std::string& name, const bridge_device& bridge,
                            bool is_isolated) {
    const auto above = kernel.find_link(name);
    if (!above || above->index != bridge.index) throw error(errc::not_found, "the bridge {} was deleted", name);
    segment_device made;
    made.number = first_free_number(kernel, name);
    made.name = segment_name(name, made.number);
    io::netlink_batch creation;
    creation.add_bridge(made.name, mac_of(made.number));
    creation.quiet_ipv6(made.name);
    kernel.apply(std::move(creation));
    try {
        silence(made.name);
        made.bridge = kernel.index_of(made.name);
        connect_segment(kernel, made, name, bridge, is_isolated);
        made.uplink = kernel.index_of(segment_device::upper_end(made.name));
    } catch (...) {
        remove_segment(kernel, made.name);
        throw;
    }
    return made;
}

void remove_segment(io::netlink_socket& kernel, const std::string& name) {
    remove_interface(kernel, name);
    remove_interface(kernel, segment_device::upper_end(name));
}

std::map<int, std::optional<segment_device>> find_segments(const std::vector<io::link_info>& links,
                                                           const std::string& name, std::uint32_t bridge) {
    struct parts {
        segment_device device;
        std::uint32_t uplink = 0;
        std::uint32_t above = 0; ///< The masters of the uplink's two ends
        std::uint32_t below = 0;
        int up = 0; ///< How many are up, which they are last
    };
    std::map<int, parts> seen;
    const std::string prefix = segment_prefix(name);
    for (const auto& link : links) {
        if (const int number = number_in(link.name, prefix, ""); number > 0 && link.kind == "bridge") {
            seen[number].device = {.number = number, .name = link.name, .bridge = link.index};
            seen[number].up += link.is_up;
        }
        if (const int number = number_in(link.name, prefix, segment_device::upper_end("")); number > 0) {
            seen[number].uplink = link.index;
            seen[number].above = link.master;
            seen[number].up += link.is_up;
        }
        if (const int number = number_in(link.name, prefix, segment_device::lower_end("")); number > 0) {
            seen[number].below = link.master;
            seen[number].up += link.is_up;
        }
    }
    std::map<int, std::optional<segment_device>> found;
    for (auto& [number, part] : seen) {
        auto& into = found[number];
        const bool has_bridge = part.device.bridge != 0 && part.below == part.device.bridge;
        if (!has_bridge || part.above != bridge || part.up != 3) continue;
        part.device.uplink = part.uplink;
        into = std::move(part.device);
    }
    return found;
}

} // namespace davit
