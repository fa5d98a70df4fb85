#include <fstream>
#include <string>

#include <fmt/format.h>

#include "bridge_world.h"
#include "core/timeout.h"
#include "packets.h"

// Packets on the bridge: who reaches whom. That a packet does not arrive is seen by another one, sent after it on a way
// that is open, being the first to arrive.

namespace davit {
namespace {

/// With all containers on the bridge itself, and with every other one on a segment of its own.
class bridge_traffic : public packet_world, public testing::WithParamInterface<std::size_t> {
  protected:
    bridge_traffic() { ports_a_bridge = GetParam(); }
};

TEST_P(bridge_traffic, containers_and_host_reach_each_other_and_nobody_else_hears_of_it) {
    member a{*this};
    member b{*this};
    const member bystander{*this};
    mailbox host;
    const long before = received(bystander.holder, "eth0");

    a.box.send("hello", b.where.ipv4);
    EXPECT_EQ(b.box.receive(), "hello from " + a.where.ipv4);
    b.box.send("hello too", a.where.ipv4);
    EXPECT_EQ(a.box.receive(), "hello too from " + b.where.ipv4);
    a.box.send("host", a.where.gateway);
    EXPECT_EQ(host.receive(), "host from " + a.where.ipv4);
    host.send("container", b.where.ipv4);
    EXPECT_EQ(b.box.receive(), "container from " + b.where.gateway);

    EXPECT_EQ(received(bystander.holder, "eth0"), before)
        << "asking for " << b.where.ipv4 << " was heard by " << bystander.where.ipv4;
}

TEST_P(bridge_traffic, a_bridge_that_somebody_deleted_is_made_anew_and_everybody_is_on_it_again) {
    member before{*this};
    const auto delete_bridge = [] {
        io::netlink_batch deletion;
        deletion.remove_link("davit0");
        io::netlink_socket{}.apply(std::move(deletion));
    };
    const auto reach_each_other = [&](member& other) {
        mailbox host;
        before.box.send("to the other", other.where.ipv4);
        EXPECT_EQ(other.box.receive(), "to the other from " + before.where.ipv4);
        before.box.send("to the gateway", before.where.gateway);
        EXPECT_EQ(host.receive(), "to the gateway from " + before.where.ipv4);
        host.send("back", before.where.ipv4);
        EXPECT_EQ(before.box.receive(), "back from " + before.where.gateway);
    };
    delete_bridge();
    member next{*this}; // by this start
    l.run(network().settle(before.where));
    reach_each_other(next);

    delete_bridge();
    restart(); // or by the next engine
    l.run(network().restore(before.where));
    l.run(network().restore(next.where));
    l.run(network().reconcile());
    l.run(network().settle(before.where));
    l.run(network().settle(next.where));
    reach_each_other(next);
}

TEST_P(bridge_traffic, attaching_and_starting_one_more_costs_the_others_no_packet) {
    const namespace_holder first;
    attach(first);
    const long before = received(first, "eth0");
    for (int i = 0; i < 5; ++i) {
        const namespace_holder next;
        l.run(network().detach(attach(next).where));
    }
    EXPECT_EQ(received(first, "eth0"), before);
}

TEST_P(bridge_traffic, a_container_reaches_the_world_as_the_host_and_gets_its_answer) {
    member container{*this};
    const namespace_holder machine;
    connect_neighbour(machine);
    mailbox outside{machine};
    container.box.send("question", "10.66.0.2");
    EXPECT_EQ(outside.receive(), "question from 10.66.0.1");
    outside.send("answer", "10.66.0.1");
    EXPECT_EQ(container.box.receive(), "answer from 10.66.0.2");
}

TEST_P(bridge_traffic, a_neighbour_of_the_host_reaches_no_container_by_its_address) {
    member container{*this};
    const namespace_holder machine;
    connect_neighbour(machine);
    mailbox outside{machine};
    outside.send("attack", container.where.ipv4);
    mailbox host;
    outside.send("to the host", "10.66.0.1"); // behind the first on the same wire
    EXPECT_EQ(host.receive(), "to the host from 10.66.0.2");
    host.send("from the host", container.where.ipv4);
    EXPECT_EQ(container.box.receive(), "from the host from " + container.where.gateway);
}

TEST_P(bridge_traffic, two_engines_bridges_reach_each_others_gateway_and_none_of_their_containers) {
    member a{*this};
    auto& other = make({}, true, "davit1");
    EXPECT_EQ(other.facts().subnet, "172.18.0.0/16");
    member b{*this, other};
    mailbox host;
    b.box.send("attack", a.where.ipv4);
    a.box.send("attack", b.where.ipv4);
    b.box.send("to the gateway", a.where.gateway);
    EXPECT_EQ(host.receive(), "to the gateway from " + b.where.ipv4);
    a.box.send("to the gateway", b.where.gateway);
    EXPECT_EQ(host.receive(), "to the gateway from " + a.where.ipv4);
    host.send("from the host", a.where.ipv4);
    EXPECT_EQ(a.box.receive(), "from the host from " + a.where.gateway);
    host.send("from the host", b.where.ipv4);
    EXPECT_EQ(b.box.receive(), "from the host from " + b.where.gateway);
}

TEST_P(bridge_traffic, without_icc_containers_reach_the_world_and_not_each_other_even_with_forged_frames) {
    auto& isolating = make({}, false);
    // Otherwise the packet filter sees what one port sends to another, too; most hosts have this off.
    std::ofstream{"/proc/sys/net/bridge/bridge-nf-call-iptables"} << "0";
    member a{*this, isolating};
    member b{*this, isolating};
    mailbox host;
    a.box.send("attack", b.where.ipv4);
    // By way of the host, which would forward it.
    send_forged(a.holder, a.mac, *io::mac_address::parse("02:42:ac:11:00:01"), a.where.ipv4, b.where.ipv4, "forged");
    a.box.send("to the host", a.where.gateway);
    EXPECT_EQ(host.receive(), "to the host from " + a.where.ipv4);
    host.send("from the host", b.where.ipv4);
    EXPECT_EQ(b.box.receive(), "from the host from " + b.where.gateway);
}

TEST_P(bridge_traffic, frames_with_another_mac_address_are_dropped_and_do_not_move_its_owner) {
    member attacker{*this};
    member victim{*this};
    member peer{*this};
    mailbox host;
    send_forged(attacker.holder, victim.mac, peer.mac, victim.where.ipv4, peer.where.ipv4, "forged");
    attacker.box.send("honest", peer.where.ipv4);
    EXPECT_EQ(peer.box.receive(), "honest from " + attacker.where.ipv4);
    peer.box.send("for the victim", victim.where.ipv4);
    EXPECT_EQ(victim.box.receive(), "for the victim from " + peer.where.ipv4);
    host.send("for the victim too", victim.where.ipv4);
    EXPECT_EQ(victim.box.receive(), "for the victim too from " + victim.where.gateway);
}

TEST_P(bridge_traffic, packets_with_anothers_address_are_dropped_and_those_of_other_networks_are_not) {
    for (const char* bridge_address : {"10.66.7.1/16", "10.77.3.1/20", "10.88.200.129/25", "10.99.1.1/30"}) {
        const auto subnet = *io::ipv4_network::parse(bridge_address);
        auto& network = make(subnet, true, fmt::format("davit{}", subnet.prefix_length).c_str());
        member attacker{*this, network};
        mailbox host;
        const auto bridge_mac = io::mac_address::of(subnet.address);
        const auto forge = [&](io::ipv4_address from, const char* text) {
            send_forged(attacker.holder, attacker.mac, bridge_mac, from.to_string(), attacker.where.gateway, text);
        };
        std::ofstream{fmt::format("/proc/sys/net/ipv4/conf/davit{}/rp_filter", subnet.prefix_length)} << "0";
        std::ofstream{"/proc/sys/net/ipv4/conf/all/rp_filter"} << "0";
        // Each differs from the attacker's own in one bit.
        const auto own = io::ipv4_address::parse(attacker.where.ipv4)->value;
        for (int bit = 0; bit < 32 - subnet.prefix_length; ++bit) forge({own ^ 1u << bit}, "forged");
        forge({own ^ 1u << (32 - subnet.prefix_length)}, "routed");
        EXPECT_EQ(host.receive(),
                  "routed from " + io::ipv4_address{own ^ 1u << (32 - subnet.prefix_length)}.to_string())
            << bridge_address;
        forge({own}, "honest");
        EXPECT_EQ(host.receive(), "honest from " + attacker.where.ipv4);
    }
}

TEST_P(bridge_traffic, loopback_addresses_are_never_accepted_from_a_container) {
    member container{*this};
    // An administrator who allows the kernel to route them, for a port forwarding of his own, opens nothing here.
    std::ofstream{"/proc/sys/net/ipv4/conf/davit0/route_localnet"} << "1";
    std::ofstream{"/proc/sys/net/ipv4/conf/davit0/rp_filter"} << "0";
    io::netlink_batch loopback;
    loopback.set_up("lo");
    io::netlink_socket{}.apply(std::move(loopback));
    mailbox host;
    const auto bridge = *io::mac_address::parse("02:42:ac:11:00:01");
    send_forged(container.holder, container.mac, bridge, container.where.ipv4, "127.0.0.1", "to loopback");
    send_forged(container.holder, container.mac, bridge, "127.0.0.1", container.where.gateway, "from loopback");
    container.box.send("honest", container.where.gateway);
    EXPECT_EQ(host.receive(), "honest from " + container.where.ipv4);
}

task<bool> has_chain(io::nftables& filter, std::string chain) {
    bool is_there = true;
    try {
        co_await filter.run("list chain " + chain);
    } catch (const error&) {
        is_there = false;
    }
    co_return is_there;
}

TEST_P(bridge_traffic, rules_that_somebody_flushes_or_puts_to_sleep_are_put_back) {
    member container{*this};
    const namespace_holder machine;
    connect_neighbour(machine);
    mailbox outside{machine};
    io::nftables filter;
    for (const char* damage :
         {"flush ruleset", "delete table inet davit_davit0",
          "add table inet davit_davit0 { flags dormant; }\nadd chain inet davit_davit0 strange",
          "add table bridge davit_davit0 { flags dormant; }\nadd chain bridge davit_davit0 strange",
          "flush chain inet davit_davit0 raw_prerouting\ndelete chain inet davit_davit0 raw_prerouting",
          "delete table bridge davit_davit0",
          "flush chain bridge davit_davit0 prerouting\ndelete chain bridge davit_davit0 prerouting"}) {
        l.run(filter.run(damage));
        const bool are_back = l.run([](io::nftables& by) -> task<bool> {
            for (int tries = 0; tries < 200; ++tries) {
                if (co_await has_chain(by, "inet davit_davit0 raw_prerouting") &&
                    co_await has_chain(by, "bridge davit_davit0 prerouting") &&
                    !co_await has_chain(by, "inet davit_davit0 strange") &&
                    !co_await has_chain(by, "bridge davit_davit0 strange"))
                    co_return true;
                co_await sleep_for(std::chrono::milliseconds{10});
            }
            co_return false;
        }(filter));
        EXPECT_TRUE(are_back) << damage;
        outside.send("attack", container.where.ipv4);
        mailbox host;
        send_forged(container.holder, container.mac, *io::mac_address::parse("02:42:ac:11:00:01"), "172.17.9.9",
                    container.where.gateway, "forged");
        container.box.send("honest", container.where.gateway);
        EXPECT_EQ(host.receive(), "honest from " + container.where.ipv4) << damage;
        outside.send("to the host", "10.66.0.1");
        EXPECT_EQ(host.receive(), "to the host from 10.66.0.2");
        host.send("from the host", container.where.ipv4);
        EXPECT_EQ(container.box.receive(), "from the host from " + container.where.gateway) << damage;
    }
}

INSTANTIATE_TEST_SUITE_P(ports_a_bridge, bridge_traffic, testing::Values(bridge_ports::usual_room, 1));

} // namespace
} // namespace davit
