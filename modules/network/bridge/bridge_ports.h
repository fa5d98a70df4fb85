#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/semaphore.h"
#include "core/task.h"
#include "io/netlink.h"
#include "modules/network/bridge/bridge_device.h"

namespace davit {

/// The ports of a network's bridge: which sandbox has one, and where it is.
///
/// What a new port costs the kernel grows with the ports that its bridge has (at 950 it is three times what it is at
/// 50), and Linux allows 1,023. So the bridge gets `room` ports, and further ones are on segments of as many each
/// (segment_device.h), made when they are needed and removed when they are not.
class bridge_ports {
  public:
    static constexpr std::size_t usual_room = 128;
    static constexpr std::string_view interface_prefix = "davit-";

    bridge_ports(io::netlink& kernel, std::string bridge, bool are_isolated, std::size_t room);

    /// Finds or makes the bridge, as `set_up_bridge`.
    task<void> start(std::optional<io::ipv4_network> wanted);
    const bridge_device& bridge() const noexcept { return bridge_; }

    /// Connects the namespace of process `pid`, with eth0 inside and `interface` here. What somebody has deleted of the
    /// bridge is made anew first. Errors: as `connect_sandbox`; nothing is left then.
    task<void> connect(io::ipv4_address address, std::string interface, std::int32_t pid);
    /// Returns when the bridge passes the interface's packets.
    task<void> settle(std::string interface);
    bool has(io::ipv4_address address, const std::string& interface) const;
    /// No effect when there is no such port.
    task<void> disconnect(io::ipv4_address address);

    /// Tells of a port from before the engine's start; `reconcile` finds out where it is.
    void restore(io::ipv4_address address, std::string interface);
    /// Removes the ports and entries that are nobody's, and connects again those that are off the bridge.
    task<void> reconcile();

  private:
    struct port {
        std::string interface;
        int place = 0; ///< 0 is the bridge itself, others are segments
    };
    struct place {
        std::optional<segment_device> segment;
        std::size_t ports = 0;
    };

    bridge_connection connection_of(std::uint32_t address) const;
    void note(io::ipv4_address address, std::string interface, int where);
    void move(std::uint32_t address, int where);
    void forget(std::uint32_t address);
    task<void> make_port(std::uint32_t address, std::int32_t pid);
    /// A place with room; nothing when a segment has to be made.
    std::optional<int> find_room() const;
    /// The same, or the place with the fewest ports when there can't be another segment.
    task<int> make_room();
    task<void> make_segment_place();
    task<void> await_forwarding(std::vector<std::string> interfaces);
    /// A segment that nobody needs, with room elsewhere for half as many ports as it has room for; 0 when none is.
    int spare_segment() const;
    task<void> remove_spare_segments();
    /// Makes anew what somebody has deleted. `state`: `repairs_` when the caller met the damage. False: there is none.
    task<bool> repair(std::size_t state);
    task<void> renew_bridge();

    /// What the kernel's interfaces are to us.
    struct findings {
        std::vector<std::string> nobodys; ///< Ports of the bridge that no sandbox owns
        std::vector<std::uint32_t> lost;  ///< The sandboxes whose interfaces are off the bridge
    };
    task<void> reconcile_in_turn();
    /// Takes the segments that are there as ours. Returns the names of those that are not whole.
    std::vector<std::string> take_segments(const std::vector<io::link_info>& links);
    findings take_ports(const std::vector<io::link_info>& links);
    /// What makes the neighbours be those that they should be.
    io::netlink_batch correct_entries(const std::vector<io::neighbour_info>& neighbours) const;
    task<void> reconnect(std::vector<std::uint32_t> addresses);
    std::map<std::uint32_t, int> places_by_bridge() const;

    io::netlink& kernel_;
    std::string name_;
    bool are_isolated_;
    std::size_t room_;
    bridge_device bridge_;
    std::map<int, place> places_;
    /// By its sandbox's IPv4 address.
    std::unordered_map<std::uint32_t, port> ports_;
    semaphore changing_places_{1};
    std::size_t repairs_ = 0;
};

} // namespace davit
