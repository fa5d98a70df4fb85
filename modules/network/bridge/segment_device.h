#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/netlink.h"

namespace davit {

struct bridge_device;

// A segment: a bridge of its own for some of a network's ports, connected to the network's bridge by a veth pair, its
// uplink. Both are one Ethernet to all who are on them. The calls here run on a worker.

/// A segment in the kernel.
struct segment_device {
    int number = 0;           ///< 1 to `most_segments`
    std::string name;         ///< Of its bridge
    std::uint32_t bridge = 0; ///< The index of its bridge
    std::uint32_t uplink = 0; ///< The index of the port that leads to it, on the network's bridge

    /// The uplink's two ends: the network's bridge's port, and the segment's.
    static std::string upper_end(const std::string& name) { return name + "u"; }
    static std::string lower_end(const std::string& name) { return name + "d"; }

    bool operator==(const segment_device&) const = default;
};

inline constexpr int most_segments = 99;

/// What the names of a bridge's segments begin with, and of no other interface: no engine gives a bridge a name with
/// "~". Empty when the bridge can have none: its name has more than 11 bytes, and an interface's 15 at most.
std::string segment_prefix(const std::string& bridge);
std::string segment_name(const std::string& bridge, int number);

/// Makes a segment of the bridge `name`. It has no address, and the host hears nothing of what is said on it: IPv4
/// packets are `bridge_firewall`'s to drop. On failure nothing is left.
/// Errors: not_found when the bridge is gone, unavailable when it has as many ports as Linux allows, conflict when all
/// names are taken.
segment_device make_segment(io::netlink_socket& kernel, const std::string& name, const bridge_device& bridge,
                            bool is_isolated);

/// Removes a segment, or what there is of one.
void remove_segment(io::netlink_socket& kernel, const std::string& name);

/// The segments of a bridge by their number, nothing for what is left of one that is not whole: an engine was killed
/// while it made or removed it, or somebody has deleted a part of it.
std::map<int, std::optional<segment_device>> find_segments(const std::vector<io::link_info>& links,
                                                           const std::string& name, std::uint32_t bridge);

} // namespace davit
