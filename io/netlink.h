#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/semaphore.h"
#include "core/task.h"
#include "io/descriptor.h"
#include "io/ip_address.h"
#include "io/offload.h"

// The kernel's network configuration over rtnetlink(7): requests are collected in a batch and go out in one send, each
// is acknowledged by the kernel, and every answer is matched to its request.

namespace davit::io {

/// A network interface, as the kernel tells it.
struct link_info {
    std::uint32_t index = 0;
    std::string name;
    std::string kind;         ///< "bridge", "veth"; empty for hardware
    std::uint32_t master = 0; ///< The bridge's index; 0 when it is no port
    std::optional<mac_address> mac;
    bool is_up = false;
    bool is_running = false;    ///< It is up and has a carrier, and the kernel has acted on that
    bool is_forwarding = false; ///< As a bridge's port it passes frames: both ends are up, and the bridge knows it

    bool operator==(const link_info&) const = default;
};

/// An interface's address.
struct address_info {
    std::uint32_t link = 0;
    ipv4_network address;

    bool operator==(const address_info&) const = default;
};

/// A route of the main table.
struct route_info {
    ipv4_network destination; ///< 0.0.0.0/0 is the default route
    std::optional<ipv4_address> gateway;
    std::uint32_t link = 0;

    bool operator==(const route_info&) const = default;
};

/// A neighbour table's entry.
struct neighbour_info {
    std::uint32_t link = 0;
    ipv4_address address;
    std::optional<mac_address> mac;
    bool is_permanent = false;

    bool operator==(const neighbour_info&) const = default;
};

/// A pair of connected interfaces: one here, one in the network namespace of a process, or both here.
struct veth_pair {
    std::string name;
    std::uint32_t master = 0; ///< A bridge's index; 0 for none
    std::string peer_name;
    std::optional<mac_address> peer_mac = std::nullopt; ///< The kernel chooses one when there is none
    std::int32_t peer_pid = 0;                          ///< 0: both here
};

/// What a bridge's port does. The members' defaults are the kernel's for a new port.
struct bridge_port {
    bool learns = true;         ///< Learns where a MAC address is from the frames that it sends
    bool floods_unknown = true; ///< Gets frames for MAC addresses that the bridge does not know
    bool is_isolated = false;   ///< Reaches no other isolated port
    bool is_locked = false;     ///< Drops frames from MAC addresses without an entry at this port (Linux ≥ 5.18)
    /// The bridge answers ARP requests for neighbours it knows behind such ports, whoever asks, and floods those
    /// requests to no such port.
    bool has_arp_answered = false;
};

/// Requests that go to the kernel in one send, in this order. The kernel carries out every one of them, also those
/// after one that failed: put things that must not happen then into a later batch. Interfaces are named by their name
/// where the index is not known yet.
class netlink_batch {
  public:
    /// A bridge with a MAC address that never changes, whatever ports come and go; not up. It does not listen to who
    /// wants which multicast: without a querier it would flood them all the same, and send reports of its own.
    void add_bridge(const std::string& name, mac_address mac);
    void add_veth(const veth_pair& pair);
    /// Deletes an interface; a veth's other end goes with it.
    void remove_link(const std::string& name);
    void set_up(const std::string& name);
    void set_up(std::uint32_t link);
    /// Makes it a port of a bridge.
    void set_master(const std::string& name, std::uint32_t bridge);
    /// For good: a bridge whose MAC address nobody has set takes that of one of its ports.
    void set_mac(std::uint32_t link, mac_address mac);
    /// Gives an interface no IPv6 address of its own when it goes up (address generation mode `none`): no duplicate
    /// address detection, no router solicitation, no multicast report.
    void quiet_ipv6(const std::string& name);
    /// Changes a bridge's port, and, in the same request, has it be quiet in IPv6.
    void set_quiet_port(const std::string& name, const bridge_port& port);

    void add_address(std::uint32_t link, ipv4_network address);
    void remove_address(std::uint32_t link, ipv4_network address);
    void add_route(ipv4_network destination, ipv4_address gateway);
    /// Enters a permanent neighbour, or changes it: nothing is broadcast to find it.
    void set_neighbour(std::uint32_t link, ipv4_address address, mac_address mac);
    void remove_neighbour(std::uint32_t link, ipv4_address address);
    /// Tells a port's bridge for good that a MAC address is behind this port.
    void set_forwarding(std::uint32_t port, mac_address mac);
    /// Takes that back.
    void remove_forwarding(std::uint32_t port, mac_address mac);

    bool is_empty() const noexcept { return asked_.empty(); }

  private:
    friend class netlink_socket;
    class message;

    std::vector<char> bytes_;
    std::vector<std::string> asked_; ///< What each message asks, in words
};

/// Parses the answers to a dump. Parts that are malformed or of another kind are left out; no byte is believed before
/// it was checked.
std::vector<link_info> parse_links(std::span<const char> messages);
std::vector<address_info> parse_addresses(std::span<const char> messages);
std::vector<route_info> parse_routes(std::span<const char> messages);
std::vector<neighbour_info> parse_neighbours(std::span<const char> messages);

/// What the message that ends a dump says of it: an errno, 0 when all was listed.
int error_at_end_of_dump(std::span<const char> message);

/// A connection to the kernel, bound to the network namespace of the thread that opened it. Its calls wait for the
/// kernel's one lock over all network configuration: use it on a worker (`netlink::run`) or in a program without a
/// loop.
class netlink_socket {
  public:
    /// Errors: internal when the kernel gives no socket.
    netlink_socket();

    /// Sends all requests at once and takes every acknowledgement. Throws the first failure, with its errno and what
    /// was asked.
    void apply(netlink_batch batch);

    /// On Linux ≥ 6.8 a change of the carrier is carried out before the kernel answers, which is otherwise put off.
    std::optional<link_info> find_link(const std::string& name);
    /// The interface's index alone: asked for more, the kernel searches all network namespaces it knows for a name of
    /// the one that a veth's other end is in. Errors: not_found.
    std::uint32_t index_of(const std::string& name);
    std::vector<link_info> links();
    std::vector<address_info> addresses();
    std::vector<route_info> routes();
    std::vector<neighbour_info> neighbours();

  private:
    std::vector<char> dump(std::uint16_t type, const char* what);
    std::vector<char> receive();

    descriptor fd_;
    std::uint32_t sequence_ = 0;
};

/// The engine's connection to the kernel's network configuration.
class netlink {
  public:
    /// Runs `use(socket)` on a worker and returns what it returns. One at a time: the kernel takes one at a time, too.
    /// Once it has begun no cancellation reaches it, so that the caller knows what was done.
    template <class Use> task<std::invoke_result_t<Use&, netlink_socket&>> run(Use use) {
        const auto turn = co_await one_at_a_time_.acquire();
        co_return co_await on_worker(std::move(use)).under(nullptr);
    }

  private:
    template <class Use> task<std::invoke_result_t<Use&, netlink_socket&>> on_worker(Use use) {
        co_return co_await offload([&] { return use(socket_); });
    }

    netlink_socket socket_;
    semaphore one_at_a_time_{1};
};

} // namespace davit::io
