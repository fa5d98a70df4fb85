#include "io/netlink.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/loop.h"
#include "network_world.h"

namespace davit::io {
namespace {

ipv4_network network(const char* text) {
    return *ipv4_network::parse(text);
}

class netlink_in_own_network : public testing::Test {
  protected:
    netlink_in_own_network() { enter_own_network(); }

    void apply(auto fill) {
        netlink_batch batch;
        fill(batch);
        kernel().apply(std::move(batch));
    }
    netlink_socket& kernel() {
        if (!socket_) socket_.emplace();
        return *socket_;
    }
    long permanent_neighbours() { return std::ranges::count_if(kernel().neighbours(), &neighbour_info::is_permanent); }
    void TearDown() override { remove_own_links(); }

  private:
    std::optional<netlink_socket> socket_;
};

TEST_F(netlink_in_own_network, makes_a_bridge_whose_mac_address_survives_new_ports) {
    const namespace_holder other;
    const auto mac =
        *mac_address::parse("fe:42:0a:09:00:01"); // higher than any random one: the kernel takes the lowest
    apply([&](auto& b) { b.add_bridge("nl-br", mac); });
    const auto bridge = kernel().find_link("nl-br");
    ASSERT_TRUE(bridge);
    EXPECT_EQ(bridge->kind, "bridge");
    EXPECT_FALSE(bridge->is_up);
    apply([&](auto& b) {
        b.set_up(bridge->index);
        b.add_veth({.name = "nl-v0", .master = bridge->index, .peer_name = "eth0", .peer_pid = other.pid()});
        b.set_up("nl-v0");
    });
    EXPECT_EQ(kernel().find_link("nl-br")->mac, mac);
    EXPECT_TRUE(kernel().find_link("nl-br")->is_up);
    EXPECT_EQ(kernel().find_link("nl-v0")->master, bridge->index);
    EXPECT_EQ(kernel().index_of("nl-v0"), kernel().find_link("nl-v0")->index);
    EXPECT_THROW(kernel().index_of("nl-v1"), error);
}

TEST_F(netlink_in_own_network, puts_the_other_end_of_a_pair_into_a_process_network_and_configures_it_there) {
    const namespace_holder other;
    const auto mac = *mac_address::parse("02:42:0a:09:00:02");
    apply(
        [&](auto& b) { b.add_veth({.name = "nl-v1", .peer_name = "eth0", .peer_mac = mac, .peer_pid = other.pid()}); });
    EXPECT_FALSE(kernel().find_link("eth0")) << "it must never appear in the host's network";
    other.inside([&] {
        netlink_socket inside;
        const auto eth0 = inside.find_link("eth0");
        ASSERT_TRUE(eth0);
        EXPECT_EQ(eth0->mac, mac);
        netlink_batch batch;
        batch.quiet_ipv6("eth0");
        batch.add_address(eth0->index, network("10.9.0.2/24"));
        batch.set_up("eth0");
        batch.set_neighbour(eth0->index, {0x0a090001}, *mac_address::parse("02:42:0a:09:00:01"));
        batch.add_route(network("0.0.0.0/0"), {0x0a090001});
        inside.apply(std::move(batch));
        EXPECT_EQ(inside.addresses(), (std::vector<address_info>{{eth0->index, network("10.9.0.2/24")}}));
        const auto routes = inside.routes();
        EXPECT_TRUE(std::ranges::any_of(routes, [&](const route_info& route) {
            return route.destination == network("0.0.0.0/0") && route.gateway == ipv4_address{0x0a090001} &&
                   route.link == eth0->index;
        }));
        const auto neighbours = inside.neighbours();
        ASSERT_EQ(neighbours.size(), 1u);
        EXPECT_TRUE(neighbours[0].is_permanent);
        EXPECT_EQ(neighbours[0].mac, mac_address::parse("02:42:0a:09:00:01"));
    });
}

TEST_F(netlink_in_own_network, a_pair_has_both_ends_here_and_its_bridge_is_told_of_a_mac_address_and_forgets_it) {
    const auto mac = *mac_address::parse("02:42:0a:09:00:03");
    apply([&](auto& b) { b.add_bridge("nl-fdb", *mac_address::parse("02:00:00:00:00:0a")); });
    const auto bridge = kernel().index_of("nl-fdb");
    apply([&](auto& b) { b.add_veth({.name = "nl-up", .master = bridge, .peer_name = "nl-down"}); });
    const auto upper = kernel().find_link("nl-up");
    const auto lower = kernel().find_link("nl-down");
    ASSERT_TRUE(upper && lower);
    EXPECT_EQ(upper->master, bridge);
    EXPECT_EQ(lower->master, 0u);

    apply([&](auto& b) { b.set_forwarding(upper->index, mac); });
    apply([&](auto& b) { b.remove_forwarding(upper->index, mac); });
    try {
        apply([&](auto& b) { b.remove_forwarding(upper->index, mac); });
        FAIL() << "it must have gone before";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::not_found) << e.text();
        EXPECT_NE(e.text().find(mac.to_string()), std::string::npos) << e.text();
    }
}

TEST_F(netlink_in_own_network, a_failure_tells_its_errno_and_what_was_asked_and_the_rest_was_done) {
    try {
        apply([&](auto& b) {
            b.add_bridge("nl-first", *mac_address::parse("02:00:00:00:00:08"));
            b.remove_link("nl-nothing");
            b.set_up("nl-nothing-too");
            b.add_bridge("nl-last", *mac_address::parse("02:00:00:00:00:09"));
        });
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_EQ(e.system_errno(), ENODEV);
        EXPECT_NE(e.text().find("nl-nothing"), std::string::npos) << e.text();
        EXPECT_EQ(e.text().find("nl-nothing-too"), std::string::npos) << "the first one is told: " << e.text();
    }
    EXPECT_TRUE(kernel().find_link("nl-last"));
}

TEST_F(netlink_in_own_network, more_requests_than_one_send_holds_are_all_answered) {
    apply([&](auto& b) { b.add_bridge("nl-many", *mac_address::parse("02:00:00:00:00:01")); });
    const auto bridge = kernel().find_link("nl-many")->index;
    apply([&](auto& b) {
        b.set_up(bridge);
        b.add_address(bridge, network("10.9.0.1/16"));
        for (std::uint32_t i = 2; i < 1000; ++i) b.set_neighbour(bridge, {0x0a090000 + i}, mac_address::of({i}));
    });
    EXPECT_EQ(permanent_neighbours(), 998);
    try {
        apply([&](auto& b) {
            for (std::uint32_t i = 2; i < 1000; ++i) b.remove_neighbour(bridge, {0x0a090000 + i});
            b.remove_link("nl-nothing");
        });
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_NE(e.text().find("nl-nothing"), std::string::npos) << e.text();
    }
    EXPECT_EQ(permanent_neighbours(), 0);
}

TEST_F(netlink_in_own_network, a_name_that_no_interface_can_have_is_refused_before_anything_is_sent) {
    netlink_batch batch;
    EXPECT_THROW(batch.remove_link("sixteen-letters-"), error);
    EXPECT_THROW(batch.remove_link(""), error);
    EXPECT_FALSE(kernel().find_link(std::string(4000, 'x')));
}

TEST_F(netlink_in_own_network, runs_on_a_worker_for_the_loop) {
    loop l;
    netlink kernel_of_loop;
    const auto links = l.run(kernel_of_loop.run([](netlink_socket& s) { return s.links(); }));
    EXPECT_TRUE(std::ranges::any_of(links, [](const link_info& link) { return link.name == "lo"; }));
}

TEST(netlink_parse, an_error_that_ends_a_dump_is_no_complete_dump) {
    const auto end_with = [](std::int32_t status) {
        std::vector<char> message(NLMSG_HDRLEN + sizeof status);
        nlmsghdr head{};
        head.nlmsg_len = static_cast<std::uint32_t>(message.size());
        head.nlmsg_type = NLMSG_DONE;
        std::memcpy(message.data(), &head, sizeof head);
        std::memcpy(message.data() + NLMSG_HDRLEN, &status, sizeof status);
        return message;
    };
    EXPECT_EQ(error_at_end_of_dump(end_with(0)), 0);
    EXPECT_EQ(error_at_end_of_dump(end_with(-ENOMEM)), ENOMEM);
    const auto failed = end_with(-ENOMEM);
    EXPECT_EQ(error_at_end_of_dump(std::span{failed}.first(NLMSG_HDRLEN)), 0) << "one that says nothing";
}

TEST(netlink_parse, survives_answers_that_are_cut_or_garbled) {
    enter_own_network();
    std::mt19937 random{7};
    std::vector<char> bytes(4096);
    for (int round = 0; round < 200; ++round) {
        for (char& byte : bytes) byte = static_cast<char>(random());
        bytes[0] = static_cast<char>(random() % 200); // a length that is sometimes whole
        bytes[1] = bytes[2] = bytes[3] = 0;
        bytes[4] = 16; // RTM_NEWLINK
        bytes[5] = 0;
        const std::span<const char> cut{bytes.data(), random() % bytes.size()};
        parse_links(cut);
        parse_addresses(cut);
        parse_routes(cut);
        parse_neighbours(cut);
    }
}

} // namespace
} // namespace davit::io
