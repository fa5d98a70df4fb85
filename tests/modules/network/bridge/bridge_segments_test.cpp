#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "core/scope.h"
#include "packets.h"

// What is on a bridge's segments, and who hears of it. That traffic passes them is also bridge_traffic_test.cpp's, all
// of which is run on them.

namespace davit {
namespace {

using counts = std::map<std::string, std::size_t>;

/// The containers' ports of each bridge.
counts ports_by_bridge() {
    const auto links = io::netlink_socket{}.links();
    counts found;
    for (const auto& bridge : links) {
        if (bridge.kind != "bridge") continue;
        const auto is_its_port = [&](const io::link_info& link) {
            return link.master == bridge.index && link.name.starts_with("davit-");
        };
        found[bridge.name] = static_cast<std::size_t>(std::count_if(links.begin(), links.end(), is_its_port));
    }
    return found;
}

/// The lines that a command prints and that have `text` in them.
std::vector<std::string> lines_with(const std::string& command, std::string_view text) {
    std::vector<std::string> found;
    const std::unique_ptr<FILE, int (*)(FILE*)> output{::popen(command.c_str(), "re"), ::pclose};
    std::array<char, 500> line{};
    while (::fgets(line.data(), line.size(), output.get()))
        if (std::string_view{line.data()}.find(text) != std::string_view::npos) found.emplace_back(line.data());
    return found;
}

/// A network with two ports a bridge: the third container is on a segment.
class bridge_segments : public packet_world {
  protected:
    using containers = std::vector<std::unique_ptr<member>>;

    bridge_segments() { ports_a_bridge = 2; }

    containers make_containers(std::size_t count) {
        containers made;
        for (std::size_t i = 0; i < count; ++i) made.push_back(std::make_unique<member>(*this));
        return made;
    }
    void restart_with(const containers& alive) {
        restart();
        for (const auto& one : alive) l.run(network().restore(one->where));
        l.run(network().reconcile());
        settle(alive);
    }
    void settle(const containers& all) {
        for (const auto& one : all) l.run(network().settle(one->where));
    }
    void expect_everybody_reaches_everybody(const containers& all) {
        mailbox host;
        for (const auto& from : all) {
            for (const auto& to : all) {
                if (from == to) continue;
                from->box.send("hello", to->where.ipv4);
                EXPECT_EQ(to->box.receive(), "hello from " + from->where.ipv4) << to->where.ipv4;
            }
            from->box.send("hello", from->where.gateway);
            EXPECT_EQ(host.receive(), "hello from " + from->where.ipv4);
            host.send("hello", from->where.ipv4);
            EXPECT_EQ(from->box.receive(), "hello from " + from->where.gateway);
        }
    }
};

TEST_F(bridge_segments, a_bridge_gets_its_ports_and_then_each_segment_does) {
    const auto all = make_containers(5);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}, {"davit0~2", 1}}));
    expect_everybody_reaches_everybody(all);
}

TEST_F(bridge_segments, what_is_free_is_used_first_and_an_empty_segment_goes) {
    // Without mailboxes: a socket keeps its namespace, and every later holder has all of the test's.
    std::map<int, std::pair<std::unique_ptr<namespace_holder>, endpoint>> all;
    const auto come = [&](int which) {
        auto holder = std::make_unique<namespace_holder>();
        const auto where = attach(*holder).where;
        all[which] = {std::move(holder), where};
    };
    const auto leave = [&](int which) {
        const auto where = all.at(which).second;
        l.run(network().detach(where));
        all.erase(which);
        io::netlink_socket kernel;
        for (int tries = 0; tries < 500 && kernel.find_link(where.host_interface); ++tries) ::usleep(10'000);
        EXPECT_TRUE(lines_with("ip neighbour", where.ipv4).empty());
        EXPECT_TRUE(lines_with("bridge fdb show br davit0", where.mac).empty());
    };
    for (int i = 0; i < 5; ++i) come(i);
    leave(0);
    leave(4);
    EXPECT_FALSE(io::netlink_socket{}.find_link("davit0~2")) << "the bridge has room for another";
    come(0);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}}));
    leave(2);
    leave(3);
    EXPECT_EQ(ports_by_bridge().count("davit0~1"), 1u) << "the bridge is full: the next one would need it again";
    leave(0);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 1}}));
    leave(1);
    for (const auto& link : io::netlink_socket{}.links())
        EXPECT_EQ(link.name.find('~'), std::string::npos) << link.name;
}

TEST_F(bridge_segments, many_at_once_share_what_there_is) {
    std::vector<std::unique_ptr<namespace_holder>> holders;
    for (int i = 0; i < 12; ++i) holders.push_back(std::make_unique<namespace_holder>());
    network();
    l.run(with_scope([&](scope& attaching) -> task<void> {
        for (const auto& holder : holders)
            attaching.spawn(
                [](bridge_network& to, pid_t pid) -> task<void> { co_await to.attach(pid); }(network(), holder->pid()));
        co_return;
    }));
    EXPECT_EQ(
        ports_by_bridge(),
        (counts{{"davit0", 2}, {"davit0~1", 2}, {"davit0~2", 2}, {"davit0~3", 2}, {"davit0~4", 2}, {"davit0~5", 2}}));
}

TEST_F(bridge_segments, the_next_engine_finds_them_and_removes_what_is_nobodys) {
    auto all = make_containers(4);
    const member lost{*this}; // on a segment of its own
    ASSERT_EQ(std::system("ip link add davit0~7 type bridge && ip link add davit0~8u master davit0 type veth peer name "
                          "davit0~8d"),
              0)
        << "as an engine leaves it that is killed while it makes or removes a segment";
    restart_with(all);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}, {"davit0~2", 0}}));
    EXPECT_FALSE(io::netlink_socket{}.find_link("davit0~8d"));
    EXPECT_FALSE(io::netlink_socket{}.find_link(lost.where.host_interface));
    EXPECT_TRUE(lines_with("ip neighbour", lost.where.ipv4).empty());
    EXPECT_EQ(lines_with("ip neighbour show dev davit0", "PERMANENT").size(), 4u);
    EXPECT_EQ(lines_with("ip neighbour show dev davit0~1", "PERMANENT").size(), 2u);
    all.push_back(std::make_unique<member>(*this));
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}, {"davit0~2", 1}}));
    expect_everybody_reaches_everybody(all);
}

TEST_F(bridge_segments, one_that_was_cut_off_while_it_was_made_is_none) {
    const auto all = make_containers(4);
    ASSERT_EQ(std::system("ip link add davit0~2 type bridge && ip link add davit0~2u master davit0 type veth peer name "
                          "davit0~2d && ip link set davit0~2d master davit0~2"),
              0);
    restart_with(all);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}}));
}

TEST_F(bridge_segments, the_next_engine_forgets_who_left_a_segment_in_between) {
    auto all = make_containers(4);
    const auto left = all.back()->where;
    all.back()->holder.end();
    all.pop_back();
    restart_with(all);
    EXPECT_TRUE(lines_with("ip neighbour", left.ipv4).empty());
    EXPECT_TRUE(lines_with("bridge fdb show br davit0", left.mac).empty());
}

TEST_F(bridge_segments, the_next_engine_forbids_containers_to_reach_each_other_over_them) {
    const auto before = make_containers(3);
    for (const int which : {0, 1}) l.run(network().detach(before[which]->where));
    l.run(network().stop());
    std::ofstream{"/proc/sys/net/bridge/bridge-nf-call-iptables"} << "0";
    auto& isolating = make({}, false);
    l.run(isolating.restore(before[2]->where)); // which keeps the segment
    l.run(isolating.reconcile());
    member first{*this, isolating};
    member second{*this, isolating};
    member on_the_segment{*this, isolating};
    mailbox host;
    on_the_segment.box.send("attack", first.where.ipv4);
    first.box.send("attack", on_the_segment.where.ipv4);
    on_the_segment.box.send("to the host", on_the_segment.where.gateway);
    EXPECT_EQ(host.receive(), "to the host from " + on_the_segment.where.ipv4);
    for (const auto* one : {&first, &on_the_segment}) host.send("from the host", one->where.ipv4);
    for (auto* one : {&first, &on_the_segment})
        EXPECT_EQ(one->box.receive(), "from the host from " + one->where.gateway);
}

TEST_F(bridge_segments, what_somebody_deleted_of_them_is_made_anew) {
    for (const char* damage : {"ip link delete davit0~1", "ip link delete davit0~1u", "ip link set davit0~1u nomaster",
                               "ip link delete davit0"}) {
        auto all = make_containers(3);
        ASSERT_EQ(std::system(damage), 0);
        all.push_back(std::make_unique<member>(*this)); // by this start
        settle(all);
        expect_everybody_reaches_everybody(all);

        ASSERT_EQ(std::system(damage), 0);
        restart_with(all); // or by the next engine
        expect_everybody_reaches_everybody(all);
        EXPECT_EQ(ports_by_bridge(), (counts{{"davit0", 2}, {"davit0~1", 2}})) << damage;
        for (const auto& one : all) l.run(network().detach(one->where));
    }
}

TEST_F(bridge_segments, a_bridge_with_a_long_name_has_none) {
    std::vector<std::unique_ptr<namespace_holder>> holders;
    for (int i = 0; i < 4; ++i) holders.push_back(std::make_unique<namespace_holder>());
    auto& longest = make({}, true, "davit-network-1");
    for (const auto& holder : holders) attach(longest, *holder);
    EXPECT_EQ(ports_by_bridge(), (counts{{"davit-network-1", 4}}));
}

TEST_F(bridge_segments, without_another_segment_further_ports_are_where_the_fewest_are) {
    auto all = make_containers(4);
    std::string others;
    for (int number = 2; number <= 99; ++number) others += fmt::format("link add davit0~{} type bridge\n", number);
    const std::string list = fmt::format("/tmp/davit-segments-{}", ::getpid());
    std::ofstream{list} << others;
    EXPECT_EQ(std::system(fmt::format("ip -batch {0}; status=$?; rm {0}; exit $status", list).c_str()), 0);
    all.push_back(std::make_unique<member>(*this));
    const auto ports = ports_by_bridge();
    EXPECT_EQ(ports.at("davit0"), 3u);
    EXPECT_EQ(ports.at("davit0~1"), 2u);
    expect_everybody_reaches_everybody(all);
}

TEST_F(bridge_segments, asking_for_a_neighbour_on_the_same_segment_is_heard_by_nobody_else) {
    ports_a_bridge = 3;
    const auto all = make_containers(6);
    const long before = received(all[5]->holder, "eth0");
    all[3]->box.send("hello", all[4]->where.ipv4);
    EXPECT_EQ(all[4]->box.receive(), "hello from " + all[3]->where.ipv4);
    EXPECT_EQ(received(all[5]->holder, "eth0"), before);
}

TEST_F(bridge_segments, the_host_takes_in_nothing_by_them) {
    const auto all = make_containers(3);
    member& container = *all[2];
    const auto segment = io::netlink_socket{}.find_link("davit0~1");
    ASSERT_TRUE(segment && segment->mac);
    for (const char* setting : {"all", "davit0~1"})
        std::ofstream{fmt::format("/proc/sys/net/ipv4/conf/{}/rp_filter", setting)} << "0";
    mailbox host;
    send_forged(container.holder, container.mac, *segment->mac, container.where.ipv4, container.where.gateway,
                "attack");
    // Towards another container by way of the host, which would forward it.
    send_forged(container.holder, container.mac, *segment->mac, "10.9.9.9", all[0]->where.ipv4, "attack");
    container.box.send("honest", container.where.gateway);
    EXPECT_EQ(host.receive(), "honest from " + container.where.ipv4);
    container.box.send("honest", all[0]->where.ipv4);
    EXPECT_EQ(all[0]->box.receive(), "honest from " + container.where.ipv4);

    // Who forgot where the gateway is hears it from the bridge, and from nobody else.
    container.holder.inside([] { (void)std::system("ip neighbour flush nud permanent dev eth0"); });
    container.box.send("asked", container.where.gateway);
    EXPECT_EQ(host.receive(), "asked from " + container.where.ipv4);
    const auto told = container.holder.inside([&] { return lines_with("ip neighbour", container.where.gateway); });
    ASSERT_EQ(told.size(), 1u);
    EXPECT_NE(told[0].find("02:42:ac:11:00:01"), std::string::npos) << told[0];
    std::string ipv6_is_off;
    std::ifstream{"/proc/sys/net/ipv6/conf/davit0~1/disable_ipv6"} >> ipv6_is_off;
    EXPECT_EQ(ipv6_is_off, "1");
}

TEST_F(bridge_segments, packets_pass_them_when_the_packet_filter_sees_bridged_packets) {
    const std::string setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    std::ofstream{setting} << "1";
    if (!std::ifstream{setting}) GTEST_SKIP() << "this kernel has no br_netfilter";
    const auto all = make_containers(5);
    expect_everybody_reaches_everybody(all);

    const namespace_holder machine;
    connect_neighbour(machine);
    mailbox outside{machine};
    all[4]->box.send("question", "10.66.0.2");
    EXPECT_EQ(outside.receive(), "question from 10.66.0.1");
    outside.send("answer", "10.66.0.1");
    EXPECT_EQ(all[4]->box.receive(), "answer from 10.66.0.2");
    std::ofstream{setting} << "0";
}

} // namespace
} // namespace davit
