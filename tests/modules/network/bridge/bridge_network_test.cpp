#include "modules/network/bridge/bridge_network.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "bridge_world.h"
#include "core/scope.h"

namespace davit {
namespace {

std::string first_line(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

std::vector<io::link_info> ports() {
    std::vector<io::link_info> found;
    for (const auto& link : io::netlink_socket{}.links())
        if (link.name.starts_with("davit-")) found.push_back(link);
    return found;
}

/// The addresses of the neighbours that were entered for good.
std::vector<std::string> neighbours() {
    std::vector<std::string> found;
    for (const auto& neighbour : io::netlink_socket{}.neighbours())
        if (neighbour.is_permanent) found.push_back(neighbour.address.to_string());
    std::sort(found.begin(), found.end());
    return found;
}

using bridge_network_test = bridge_world;

TEST_F(bridge_network_test, makes_a_quiet_bridge_in_a_free_subnet) {
    const auto facts = network().facts();
    EXPECT_EQ(facts.name, "bridge");
    EXPECT_EQ(facts.driver, "bridge");
    EXPECT_EQ(facts.subnet, "172.17.0.0/16");
    EXPECT_EQ(facts.gateway, "172.17.0.1");
    EXPECT_EQ(facts.id.size(), 64u);
    const auto bridge = io::netlink_socket{}.find_link("davit0");
    ASSERT_TRUE(bridge);
    EXPECT_TRUE(bridge->is_up);
    EXPECT_EQ(bridge->mac, io::mac_address::parse("02:42:ac:11:00:01"));
    EXPECT_EQ(first_line("/proc/sys/net/ipv4/ip_forward"), "1");
    EXPECT_EQ(first_line("/proc/sys/net/ipv6/conf/davit0/disable_ipv6"), "1");
    EXPECT_EQ(first_line("/proc/sys/net/ipv6/conf/davit0/accept_ra"), "0");
}

TEST_F(bridge_network_test, keeps_id_and_subnet_and_mac_over_a_restart) {
    const auto before = network().facts();
    const auto bridge = io::netlink_socket{}.find_link("davit0");
    restart();
    EXPECT_EQ(network().facts().id, before.id);
    EXPECT_EQ(network().facts().subnet, before.subnet);
    EXPECT_EQ(io::netlink_socket{}.find_link("davit0"), bridge);
}

TEST_F(bridge_network_test, moves_its_bridge_to_the_address_that_is_asked_for) {
    network();
    auto& moved = make(io::ipv4_network::parse("10.77.0.1/24"));
    EXPECT_EQ(moved.facts().subnet, "10.77.0.0/24");
    const auto index = io::netlink_socket{}.find_link("davit0")->index;
    std::vector<std::string> addresses;
    for (const auto& address : io::netlink_socket{}.addresses())
        if (address.link == index) addresses.push_back(address.address.to_string());
    EXPECT_EQ(addresses, std::vector<std::string>{"10.77.0.1/24"});
}

TEST_F(bridge_network_test, a_bridge_that_somebody_else_made_keeps_the_mac_address_that_containers_are_told) {
    ASSERT_EQ(std::system("ip link add davit0 type bridge"), 0);
    const namespace_holder first_holder;
    const namespace_holder second_holder;
    const auto first = attach(first_holder);
    const auto second = attach(second_holder);
    const auto mac = io::netlink_socket{}.find_link("davit0")->mac;
    ASSERT_TRUE(mac);
    for (const auto& attached : {first, second})
        EXPECT_EQ(attached.plan.interfaces.at(0).neighbours.at(0).mac, mac->to_string());
    restart();
    for (const auto& attached : {first, second}) l.run(network().restore(attached.where));
    l.run(network().reconcile());
    EXPECT_EQ(io::netlink_socket{}.find_link("davit0")->mac, mac);
    EXPECT_EQ(neighbours(), (std::vector{first.where.ipv4, second.where.ipv4}));
}

TEST_F(bridge_network_test, a_bridge_whose_making_was_interrupted_is_finished) {
    const auto ipv6_is_off = [] {
        std::string value;
        std::ifstream{"/proc/sys/net/ipv6/conf/davit0/disable_ipv6"} >> value;
        return value;
    };
    // As an engine leaves it that is killed right behind the bridge's creation.
    ASSERT_EQ(std::system("ip link add davit0 address 02:42:0a:4d:00:01 type bridge"), 0);
    network();
    EXPECT_EQ(ipv6_is_off(), "1");
    // Somebody else's is his affair.
    ASSERT_EQ(std::system("ip link delete davit0 && ip link add davit0 type bridge"), 0);
    restart();
    EXPECT_EQ(ipv6_is_off(), "0");
}

TEST_F(bridge_network_test, refuses_an_interface_of_its_name_that_is_no_bridge) {
    const namespace_holder holder;
    io::netlink_batch batch;
    batch.add_veth({.name = "davit0", .peer_name = "eth0", .peer_pid = holder.pid()});
    io::netlink_socket{}.apply(std::move(batch));
    try {
        network();
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::conflict);
        EXPECT_NE(e.text().find("davit0"), std::string::npos);
    }
}

TEST_F(bridge_network_test, an_endpoint_has_an_address_a_mac_a_gateway_and_an_interface) {
    const namespace_holder holder;
    const auto attached = l.run(network().attach(holder.pid()));
    EXPECT_EQ(attached.where.ipv4, "172.17.0.2");
    EXPECT_EQ(attached.where.ipv4_prefix_length, 16);
    EXPECT_EQ(attached.where.mac, "02:42:ac:11:00:02");
    EXPECT_EQ(attached.where.gateway, "172.17.0.1");
    EXPECT_EQ(attached.where.network_id, network().facts().id);
    EXPECT_EQ(attached.where.host_interface.size(), 15u);
    EXPECT_TRUE(attached.where.id.starts_with(attached.where.host_interface.substr(6)));
    ASSERT_EQ(attached.plan.interfaces.size(), 1u);
    EXPECT_EQ(attached.plan.interfaces[0],
              (interface_plan{"eth0", {"172.17.0.2/16"}, {"172.17.0.1"}, {{"172.17.0.1", "02:42:ac:11:00:01"}}, true}));
    ASSERT_EQ(ports().size(), 1u);
    EXPECT_EQ(ports()[0].name, attached.where.host_interface);
    EXPECT_TRUE(ports()[0].is_up);
}

TEST_F(bridge_network_test, is_settled_when_the_bridge_passes_the_ports_frames) {
    const namespace_holder holder;
    const auto attached = l.run(network().attach(holder.pid()));
    EXPECT_FALSE(ports().at(0).is_running) << "the sandbox's end is down";
    configure(holder, attached.plan);
    l.run(network().settle(attached.where));
    EXPECT_TRUE(ports().at(0).is_running);
    EXPECT_TRUE(ports().at(0).is_forwarding);
}

TEST_F(bridge_network_test, no_ipv6_address_appears_on_either_end) {
    const namespace_holder holder;
    attach(holder);
    EXPECT_EQ(first_line("/proc/self/net/if_inet6"), "") << "loopback is down here, and nothing else may have one";
    const auto inside = holder.inside([] {
        std::ifstream file{"/proc/thread-self/net/if_inet6"};
        std::string all;
        for (std::string line; std::getline(file, line);)
            if (line.find("eth0") != std::string::npos) all += line;
        return all;
    });
    EXPECT_EQ(inside, "");
}

TEST_F(bridge_network_test, an_address_comes_back_last_and_detach_may_be_said_twice) {
    const namespace_holder holder;
    const auto first = l.run(network().attach(holder.pid()));
    namespace_holder second_holder;
    l.run(network().detach(first.where));
    l.run(network().detach(first.where));
    const auto second = l.run(network().attach(second_holder.pid()));
    EXPECT_EQ(second.where.ipv4, "172.17.0.3");
    l.run(network().detach(first.where));
    EXPECT_EQ(neighbours(), std::vector{second.where.ipv4});
}

TEST_F(bridge_network_test, a_failed_attach_leaves_no_interface_and_no_address) {
    namespace_holder gone;
    const pid_t pid = gone.pid();
    gone.end();
    network();
    for (int i = 0; i < 3; ++i) EXPECT_THROW(l.run(network().attach(pid)), error);
    EXPECT_TRUE(ports().empty());
    EXPECT_TRUE(neighbours().empty());
    const namespace_holder holder;
    EXPECT_NO_THROW(l.run(network().attach(holder.pid())));
}

TEST_F(bridge_network_test, many_attach_side_by_side_each_with_its_own_address) {
    std::vector<std::unique_ptr<namespace_holder>> holders;
    for (int i = 0; i < 12; ++i) holders.push_back(std::make_unique<namespace_holder>());
    std::set<std::string> addresses;
    network();
    l.run(with_scope([&](scope& attaching) -> task<void> {
        for (const auto& holder : holders)
            attaching.spawn([](bridge_network& to, pid_t pid, std::set<std::string>& into) -> task<void> {
                into.insert((co_await to.attach(pid)).where.ipv4);
            }(network(), holder->pid(), addresses));
        co_return;
    }));
    EXPECT_EQ(addresses.size(), 12u);
    EXPECT_EQ(ports().size(), 12u);
}

TEST_F(bridge_network_test, reconcile_removes_what_nobody_restored_and_nothing_else) {
    const namespace_holder kept_holder;
    const namespace_holder lost_holder;
    const namespace_holder other_holder;
    const auto kept = attach(kept_holder);
    const auto lost = attach(lost_holder);
    {
        io::netlink_batch others; // another engine's, on a bridge of its own, and an administrator's on ours
        io::netlink_socket kernel;
        others.add_bridge("br-other", {{2, 0, 0, 0, 0, 1}});
        kernel.apply(std::move(others));
        io::netlink_batch veths;
        veths.add_veth({.name = "davit-other",
                        .master = kernel.find_link("br-other")->index,
                        .peer_name = "eth1",
                        .peer_pid = other_holder.pid()});
        veths.add_veth({.name = "vm-port",
                        .master = kernel.find_link("davit0")->index,
                        .peer_name = "eth2",
                        .peer_pid = other_holder.pid()});
        kernel.apply(std::move(veths));
    }
    restart();
    l.run(network().restore(kept.where));
    l.run(network().reconcile());

    io::netlink_socket kernel;
    EXPECT_TRUE(kernel.find_link(kept.where.host_interface));
    EXPECT_FALSE(kernel.find_link(lost.where.host_interface));
    EXPECT_TRUE(kernel.find_link("davit-other"));
    EXPECT_TRUE(kernel.find_link("vm-port"));
    EXPECT_EQ(neighbours(), std::vector{kept.where.ipv4});

    EXPECT_THROW(l.run(network().restore(kept.where)), error) << "one address, one owner";
    const namespace_holder next;
    EXPECT_EQ(l.run(network().attach(next.pid())).where.ipv4, lost.where.ipv4) << "what nobody restored is free";
}

TEST_F(bridge_network_test, says_when_every_address_is_taken) {
    auto& small = make(io::ipv4_network::parse("10.77.0.1/30"));
    const namespace_holder holder;
    EXPECT_EQ(l.run(small.attach(holder.pid())).where.ipv4, "10.77.0.2");
    try {
        l.run(small.attach(holder.pid()));
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::unavailable);
        EXPECT_NE(e.text().find("10.77.0.0/30"), std::string::npos) << e.text();
    }
}

} // namespace
} // namespace davit
