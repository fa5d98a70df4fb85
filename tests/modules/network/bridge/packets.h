#pragma once

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <memory>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

#include "bridge_world.h"
#include "core/error.h"
#include "io/descriptor.h"

namespace davit {

/// A UDP socket on every address of the namespace it was made in.
class mailbox {
  public:
    mailbox() : socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        const timeval patience{5, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const sockaddr_in any = address("0.0.0.0", port);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
            throw error::system(errno, "binding a socket");
    }
    explicit mailbox(const namespace_holder& holder)
        : mailbox{holder.inside([] { return std::make_shared<mailbox>(); })} {}

    void send(const std::string& text, const std::string& to) {
        const sockaddr_in target = address(to, port);
        ::sendto(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&target), sizeof target);
    }
    /// The first text that arrives, and whom it is from.
    std::string receive() {
        std::array<char, 100> text{};
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const auto length =
            ::recvfrom(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (length < 0) return "nothing";
        return std::string{text.data(), static_cast<std::size_t>(length)} + " from " + ::inet_ntoa(from.sin_addr);
    }

    static constexpr std::uint16_t port = 7777;

  private:
    explicit mailbox(const std::shared_ptr<mailbox>& made) : socket_{std::move(made->socket_)} {}

    static sockaddr_in address(const std::string& text, std::uint16_t number) {
        sockaddr_in made{};
        made.sin_family = AF_INET;
        made.sin_port = htons(number);
        ::inet_pton(AF_INET, text.c_str(), &made.sin_addr);
        return made;
    }

    io::descriptor socket_;
};

/// How many packets an interface has received.
inline long received(const namespace_holder& holder, const std::string& interface) {
    return holder.inside([&] {
        std::ifstream file{"/proc/thread-self/net/dev"};
        for (std::string word; file >> word;) {
            if (word != interface + ":") continue;
            long bytes = 0;
            long packets = -1;
            file >> bytes >> packets;
            return packets;
        }
        return -1L;
    });
}

/// Sends one UDP packet as a frame of its own making.
inline void send_forged(const namespace_holder& holder, const io::mac_address& from_mac, const io::mac_address& to_mac,
                        const std::string& from, const std::string& to, const std::string& text) {
    holder.inside([&] {
        struct {
            iphdr ip{};
            udphdr udp{};
            std::array<char, 20> text{};
        } packet;
        std::memcpy(packet.text.data(), text.data(), text.size());
        const auto length = static_cast<std::uint16_t>(sizeof(iphdr) + sizeof(udphdr) + text.size());
        packet.ip.version = 4;
        packet.ip.ihl = 5;
        packet.ip.ttl = 64;
        packet.ip.protocol = IPPROTO_UDP;
        packet.ip.tot_len = htons(length);
        ::inet_pton(AF_INET, from.c_str(), &packet.ip.saddr);
        ::inet_pton(AF_INET, to.c_str(), &packet.ip.daddr);
        std::array<std::uint16_t, 10> words{};
        std::memcpy(words.data(), &packet.ip, sizeof(iphdr));
        std::uint32_t sum = 0;
        for (const std::uint16_t word : words) sum += word;
        sum = (sum & 0xffff) + (sum >> 16);
        packet.ip.check = static_cast<std::uint16_t>(~(sum + (sum >> 16)));
        packet.udp.source = packet.udp.dest = htons(mailbox::port);
        packet.udp.len = htons(static_cast<std::uint16_t>(sizeof(udphdr) + text.size()));

        std::array<char, 1500> frame{};
        std::memcpy(frame.data(), to_mac.bytes.data(), 6);
        std::memcpy(frame.data() + 6, from_mac.bytes.data(), 6);
        frame[12] = 0x08; // ETH_P_IP
        std::memcpy(frame.data() + 14, &packet, length);
        const io::descriptor wire{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP))};
        sockaddr_ll target{};
        target.sll_family = AF_PACKET;
        target.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
        if (::sendto(wire.get(), frame.data(), 14u + length, 0, reinterpret_cast<const sockaddr*>(&target),
                     sizeof target) < 0)
            throw error::system(errno, "sending a frame");
    });
}

/// Bridge networks with containers that send packets.
class packet_world : public bridge_world {
  protected:
    /// A container of a network: its namespace, its endpoint and its mailbox.
    struct member {
        explicit member(packet_world& world) : member{world, world.network()} {}
        member(packet_world& world, bridge_network& network)
            : where{world.attach(network, holder).where}, mac{*io::mac_address::parse(where.mac)}, box{holder} {}

        namespace_holder holder;
        endpoint where;
        io::mac_address mac;
        mailbox box;
    };

    /// Another machine on a wire of the host's: 10.66.0.2, with the host at 10.66.0.1 as its way to everywhere.
    void connect_neighbour(const namespace_holder& machine) {
        io::netlink_socket kernel;
        io::netlink_batch pair;
        pair.add_veth({.name = "wire", .peer_name = "eth0", .peer_pid = machine.pid()});
        pair.quiet_ipv6("wire");
        kernel.apply(std::move(pair));
        io::netlink_batch address;
        address.add_address(kernel.index_of("wire"), *io::ipv4_network::parse("10.66.0.1/24"));
        address.set_up("wire");
        kernel.apply(std::move(address));
        configure(machine, {{{"eth0", {"10.66.0.2/24"}, {"10.66.0.1"}, {}, true}}});
        kernel.find_link("wire");
    }
};

} // namespace davit
