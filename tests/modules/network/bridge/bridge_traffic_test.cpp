#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fstream>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>

#include "bridge_world.h"
#include "core/timeout.h"

// Packets on the bridge: who reaches whom. That a packet does not arrive is seen by another one, sent after it on a way
// that is open, being the first to arrive.

namespace davit {
namespace {

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
long received(const namespace_holder& holder, const std::string& interface) {
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
void send_forged(const namespace_holder& holder, const io::mac_address& from_mac, const io::mac_address& to_mac,
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

class bridge_traffic : public bridge_world {
  protected:
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

TEST_F(bridge_traffic, containers_and_host_reach_each_other_and_nobody_else_hears_of_it) {
    const namespace_holder a_holder;
    const namespace_holder b_holder;
    const namespace_holder bystander;
    const auto a = attach(a_holder).where;
    const auto b = attach(b_holder).where;
    const auto c = attach(bystander).where;
    mailbox a_box{a_holder};
    mailbox b_box{b_holder};
    mailbox host;
    const long before = received(bystander, "eth0");

    a_box.send("hello", b.ipv4);
    EXPECT_EQ(b_box.receive(), "hello from " + a.ipv4);
    b_box.send("hello too", a.ipv4);
    EXPECT_EQ(a_box.receive(), "hello too from " + b.ipv4);
    a_box.send("host", a.gateway);
    EXPECT_EQ(host.receive(), "host from " + a.ipv4);
    host.send("container", b.ipv4);
    EXPECT_EQ(b_box.receive(), "container from " + b.gateway);

    EXPECT_EQ(received(bystander, "eth0"), before) << "asking for " << b.ipv4 << " was heard by " << c.ipv4;
}

TEST_F(bridge_traffic, attaching_and_starting_one_more_costs_the_others_no_packet) {
    const namespace_holder first;
    attach(first);
    const long before = received(first, "eth0");
    for (int i = 0; i < 5; ++i) {
        const namespace_holder next;
        l.run(network().detach(attach(next).where));
    }
    EXPECT_EQ(received(first, "eth0"), before);
}

TEST_F(bridge_traffic, a_container_reaches_the_world_as_the_host_and_gets_its_answer) {
    const namespace_holder holder;
    const namespace_holder machine;
    const auto a = attach(holder).where;
    connect_neighbour(machine);
    mailbox container{holder};
    mailbox outside{machine};
    container.send("question", "10.66.0.2");
    EXPECT_EQ(outside.receive(), "question from 10.66.0.1");
    outside.send("answer", "10.66.0.1");
    EXPECT_EQ(container.receive(), "answer from 10.66.0.2");
}

TEST_F(bridge_traffic, a_neighbour_of_the_host_reaches_no_container_by_its_address) {
    const namespace_holder holder;
    const namespace_holder machine;
    const auto a = attach(holder).where;
    connect_neighbour(machine);
    mailbox container{holder};
    mailbox outside{machine};
    outside.send("attack", a.ipv4);
    mailbox host;
    outside.send("to the host", "10.66.0.1"); // behind the first on the same wire
    EXPECT_EQ(host.receive(), "to the host from 10.66.0.2");
    host.send("from the host", a.ipv4);
    EXPECT_EQ(container.receive(), "from the host from " + a.gateway);
}

TEST_F(bridge_traffic, two_engines_bridges_reach_each_others_gateway_and_none_of_their_containers) {
    const namespace_holder a_holder;
    const namespace_holder b_holder;
    const auto a = attach(a_holder).where;
    auto& other = make({}, true, "davit1");
    EXPECT_EQ(other.facts().subnet, "172.18.0.0/16");
    const auto b = attach(other, b_holder).where;
    mailbox a_box{a_holder};
    mailbox b_box{b_holder};
    mailbox host;
    b_box.send("attack", a.ipv4);
    a_box.send("attack", b.ipv4);
    b_box.send("to the gateway", a.gateway);
    EXPECT_EQ(host.receive(), "to the gateway from " + b.ipv4);
    a_box.send("to the gateway", b.gateway);
    EXPECT_EQ(host.receive(), "to the gateway from " + a.ipv4);
    host.send("from the host", a.ipv4);
    EXPECT_EQ(a_box.receive(), "from the host from " + a.gateway);
    host.send("from the host", b.ipv4);
    EXPECT_EQ(b_box.receive(), "from the host from " + b.gateway);
}

TEST_F(bridge_traffic, without_icc_containers_reach_the_world_and_not_each_other_even_with_forged_frames) {
    auto& isolating = make({}, false);
    // Otherwise the packet filter sees what one port sends to another, too; most hosts have this off.
    std::ofstream{"/proc/sys/net/bridge/bridge-nf-call-iptables"} << "0";
    const namespace_holder a_holder;
    const namespace_holder b_holder;
    const auto a = attach(isolating, a_holder).where;
    const auto b = attach(isolating, b_holder).where;
    mailbox a_box{a_holder};
    mailbox b_box{b_holder};
    mailbox host;
    a_box.send("attack", b.ipv4);
    // By way of the host, which would forward it.
    send_forged(a_holder, *io::mac_address::parse(a.mac), *io::mac_address::parse("02:42:ac:11:00:01"), a.ipv4, b.ipv4,
                "forged");
    a_box.send("to the host", a.gateway);
    EXPECT_EQ(host.receive(), "to the host from " + a.ipv4);
    host.send("from the host", b.ipv4);
    EXPECT_EQ(b_box.receive(), "from the host from " + b.gateway);
}

TEST_F(bridge_traffic, frames_with_another_mac_address_are_dropped_and_do_not_move_its_owner) {
    const namespace_holder attacker;
    const namespace_holder victim;
    const namespace_holder peer;
    const auto a = attach(attacker).where;
    const auto v = attach(victim).where;
    const auto p = attach(peer).where;
    mailbox a_box{attacker};
    mailbox v_box{victim};
    mailbox p_box{peer};
    mailbox host;
    send_forged(attacker, *io::mac_address::parse(v.mac), *io::mac_address::parse(p.mac), v.ipv4, p.ipv4, "forged");
    a_box.send("honest", p.ipv4);
    EXPECT_EQ(p_box.receive(), "honest from " + a.ipv4);
    p_box.send("for the victim", v.ipv4);
    EXPECT_EQ(v_box.receive(), "for the victim from " + p.ipv4);
    host.send("for the victim too", v.ipv4);
    EXPECT_EQ(v_box.receive(), "for the victim too from " + v.gateway);
}

TEST_F(bridge_traffic, loopback_addresses_are_never_accepted_from_a_container) {
    const namespace_holder holder;
    const auto a = attach(holder).where;
    // An administrator who allows the kernel to route them, for a port forwarding of his own, opens nothing here.
    std::ofstream{"/proc/sys/net/ipv4/conf/davit0/route_localnet"} << "1";
    std::ofstream{"/proc/sys/net/ipv4/conf/davit0/rp_filter"} << "0";
    io::netlink_batch loopback;
    loopback.set_up("lo");
    io::netlink_socket{}.apply(std::move(loopback));
    mailbox container{holder};
    mailbox host;
    const auto mac = *io::mac_address::parse(a.mac);
    const auto bridge = *io::mac_address::parse("02:42:ac:11:00:01");
    send_forged(holder, mac, bridge, a.ipv4, "127.0.0.1", "to loopback");
    send_forged(holder, mac, bridge, "127.0.0.1", a.gateway, "from loopback");
    container.send("honest", a.gateway);
    EXPECT_EQ(host.receive(), "honest from " + a.ipv4);
}

TEST_F(bridge_traffic, rules_that_somebody_flushes_are_put_back) {
    const namespace_holder holder;
    const namespace_holder machine;
    const auto a = attach(holder).where;
    connect_neighbour(machine);
    mailbox container{holder};
    mailbox outside{machine};
    io::nftables filter;
    for (const char* damage :
         {"flush ruleset", "delete table inet davit_davit0",
          "flush chain inet davit_davit0 raw_prerouting\ndelete chain inet davit_davit0 raw_prerouting"}) {
        l.run(filter.run(damage));
        // It is back as soon as what only holds with it can be done.
        l.run([](io::nftables& by) -> task<void> {
            for (int tries = 0; tries < 200; ++tries) {
                bool is_back = true;
                try {
                    co_await by.run("list chain inet davit_davit0 raw_prerouting");
                } catch (const error&) {
                    is_back = false;
                }
                co_await sleep_for(std::chrono::milliseconds{10});
                if (is_back) co_return;
            }
        }(filter));
        outside.send("attack", a.ipv4);
        mailbox host;
        outside.send("to the host", "10.66.0.1");
        EXPECT_EQ(host.receive(), "to the host from 10.66.0.2");
        host.send("from the host", a.ipv4);
        EXPECT_EQ(container.receive(), "from the host from " + a.gateway) << damage;
    }
}

} // namespace
} // namespace davit
