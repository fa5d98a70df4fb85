#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "io/netlink.h"

namespace davit::io {

namespace {

/// Longer than any request here; libmnl does not check where it writes.
constexpr std::size_t largest_message = 1024;

// Younger than the oldest headers that the project is built with (linux/if_link.h).
constexpr std::uint16_t brport_locked = 39;
constexpr std::uint8_t address_generation_none = 1;

} // namespace

/// One request under construction; appended to the batch when it ends.
class netlink_batch::message {
  public:
    template <class Header>
    message(netlink_batch& batch, std::uint16_t type, int flags, const Header& header, std::string asked)
        : batch_{batch}, asked_{std::move(asked)}, head_{mnl_nlmsg_put_header(bytes_)} {
        head_->nlmsg_type = type;
        head_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        add_header(header);
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;
    ~message() {
        batch_.bytes_.insert(batch_.bytes_.end(), bytes_, bytes_ + MNL_ALIGN(head_->nlmsg_len));
        batch_.asked_.push_back(std::move(asked_));
    }

    template <class Header> void add_header(const Header& header) {
        *static_cast<Header*>(mnl_nlmsg_put_extra_header(head_, sizeof(Header))) = header;
    }
    /// All texts here are the names of interfaces and of their kinds.
    void add(std::uint16_t type, const std::string& name) {
        if (name.empty() || name.size() >= IFNAMSIZ)
            throw error(errc::invalid, "\"{}\" can't be an interface's name: 1 to {} bytes are", name, IFNAMSIZ - 1);
        mnl_attr_put_strz(head_, type, name.c_str());
    }
    void add(std::uint16_t type, std::uint32_t number) { mnl_attr_put_u32(head_, type, number); }
    void add(std::uint16_t type, std::uint8_t number) { mnl_attr_put_u8(head_, type, number); }
    void add(std::uint16_t type, bool flag) { add(type, static_cast<std::uint8_t>(flag)); }
    void add(std::uint16_t type, ipv4_address address) { mnl_attr_put_u32(head_, type, htonl(address.value)); }
    void add(std::uint16_t type, const mac_address& mac) { mnl_attr_put(head_, type, mac.bytes.size(), &mac.bytes); }
    template <class Body> void nest(std::uint16_t type, Body body) {
        nlattr* nested = mnl_attr_nest_start(head_, type);
        body();
        mnl_attr_nest_end(head_, nested);
    }

  private:
    netlink_batch& batch_;
    std::string asked_;
    alignas(nlmsghdr) char bytes_[largest_message]{};
    nlmsghdr* head_;
};

namespace {

ifinfomsg link_header(std::uint32_t link = 0, unsigned flags = 0) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(link);
    header.ifi_flags = flags;
    header.ifi_change = flags;
    return header;
}

ifaddrmsg address_header(std::uint32_t link, ipv4_network address) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix_length);
    header.ifa_index = link;
    return header;
}

ndmsg neighbour_header(std::uint8_t family, std::uint32_t link, std::uint16_t state, std::uint8_t flags) {
    ndmsg header{};
    header.ndm_family = family;
    header.ndm_ifindex = static_cast<int>(link);
    header.ndm_state = state;
    header.ndm_flags = flags;
    return header;
}

template <class Message> void add_quiet_ipv6(Message& request) {
    request.nest(IFLA_AF_SPEC, [&] {
        request.nest(AF_INET6, [&] { request.add(IFLA_INET6_ADDR_GEN_MODE, address_generation_none); });
    });
}

} // namespace

void netlink_batch::add_bridge(const std::string& name, mac_address mac) {
    message request{*this, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(),
                    fmt::format("making the bridge {}", name)};
    request.add(IFLA_IFNAME, name);
    request.add(IFLA_ADDRESS, mac);
    request.nest(IFLA_LINKINFO, [&] {
        request.add(IFLA_INFO_KIND, std::string{"bridge"});
        request.nest(IFLA_INFO_DATA, [&] { request.add(IFLA_BR_MCAST_SNOOPING, false); });
    });
}

void netlink_batch::add_veth(const veth_pair& pair) {
    message request{*this, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(),
                    pair.peer_pid == 0
                        ? fmt::format("making the interfaces {} and {}", pair.name, pair.peer_name)
                        : fmt::format("making the interface {} in the network namespace of process {}, its other end "
                                      "{} here",
                                      pair.peer_name, pair.peer_pid, pair.name)};
    // One queue each way: by default the kernel makes as many as the machine has processors, for every pair.
    const auto add_queues = [&request] {
        request.add(IFLA_NUM_TX_QUEUES, std::uint32_t{1});
        request.add(IFLA_NUM_RX_QUEUES, std::uint32_t{1});
    };
    request.add(IFLA_IFNAME, pair.name);
    if (pair.master != 0) request.add(IFLA_MASTER, pair.master);
    add_queues();
    request.nest(IFLA_LINKINFO, [&] {
        request.add(IFLA_INFO_KIND, std::string{"veth"});
        request.nest(IFLA_INFO_DATA, [&] {
            request.nest(VETH_INFO_PEER, [&] {
                request.add_header(link_header());
                request.add(IFLA_IFNAME, pair.peer_name);
                if (pair.peer_mac) request.add(IFLA_ADDRESS, *pair.peer_mac);
                if (pair.peer_pid != 0) request.add(IFLA_NET_NS_PID, static_cast<std::uint32_t>(pair.peer_pid));
                add_queues();
            });
        });
    });
}

void netlink_batch::remove_link(const std::string& name) {
    message request{*this, RTM_DELLINK, 0, link_header(), fmt::format("removing the interface {}", name)};
    request.add(IFLA_IFNAME, name);
}

void netlink_batch::set_up(const std::string& name) {
    message request{*this, RTM_NEWLINK, 0, link_header(0, IFF_UP), fmt::format("setting the interface {} up", name)};
    request.add(IFLA_IFNAME, name);
}

void netlink_batch::set_up(std::uint32_t link) {
    const message request{*this, RTM_NEWLINK, 0, link_header(link, IFF_UP),
                          fmt::format("setting the interface with index {} up", link)};
}

void netlink_batch::set_master(const std::string& name, std::uint32_t bridge) {
    message request{*this, RTM_NEWLINK, 0, link_header(), fmt::format("making {} a port of its bridge", name)};
    request.add(IFLA_IFNAME, name);
    request.add(IFLA_MASTER, bridge);
}

void netlink_batch::set_mac(std::uint32_t link, mac_address mac) {
    message request{*this, RTM_NEWLINK, 0, link_header(link),
                    fmt::format("setting the MAC address of the interface with index {} to {}", link, mac.to_string())};
    request.add(IFLA_ADDRESS, mac);
}

void netlink_batch::quiet_ipv6(const std::string& name) {
    message request{*this, RTM_NEWLINK, 0, link_header(), fmt::format("keeping IPv6 quiet on {}", name)};
    request.add(IFLA_IFNAME, name);
    add_quiet_ipv6(request);
}

void netlink_batch::set_quiet_port(const std::string& name, const bridge_port& port) {
    message request{*this, RTM_NEWLINK, 0, link_header(), fmt::format("setting up the bridge's port {}", name)};
    request.add(IFLA_IFNAME, name);
    request.nest(IFLA_LINKINFO, [&] {
        request.add(IFLA_INFO_SLAVE_KIND, std::string{"bridge"});
        request.nest(IFLA_INFO_SLAVE_DATA, [&] {
            request.add(IFLA_BRPORT_LEARNING, port.learns);
            request.add(IFLA_BRPORT_UNICAST_FLOOD, port.floods_unknown);
            request.add(IFLA_BRPORT_ISOLATED, port.is_isolated);
            request.add(brport_locked, port.is_locked);
            request.add(IFLA_BRPORT_PROXYARP_WIFI, port.has_arp_answered);
        });
    });
    add_quiet_ipv6(request);
}

void netlink_batch::add_address(std::uint32_t link, ipv4_network address) {
    message request{*this, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address_header(link, address),
                    fmt::format("adding the address {}", address.to_string())};
    request.add(IFA_LOCAL, address.address);
    request.add(IFA_ADDRESS, address.address);
    if (address.prefix_length < 31) request.add(IFA_BROADCAST, address.last());
}

void netlink_batch::remove_address(std::uint32_t link, ipv4_network address) {
    message request{*this, RTM_DELADDR, 0, address_header(link, address),
                    fmt::format("removing the address {}", address.to_string())};
    request.add(IFA_LOCAL, address.address);
}

void netlink_batch::add_route(ipv4_network destination, ipv4_address gateway) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_dst_len = static_cast<std::uint8_t>(destination.prefix_length);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_BOOT;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    message request{*this, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header,
                    fmt::format("adding the route to {} by {}", destination.to_string(), gateway.to_string())};
    if (destination.prefix_length > 0) request.add(RTA_DST, destination.first());
    request.add(RTA_GATEWAY, gateway);
}

void netlink_batch::set_neighbour(std::uint32_t link, ipv4_address address, mac_address mac) {
    message request{*this, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                    neighbour_header(AF_INET, link, NUD_PERMANENT, 0),
                    fmt::format("entering the neighbour {}", address.to_string())};
    request.add(NDA_DST, address);
    request.add(NDA_LLADDR, mac);
}

void netlink_batch::remove_neighbour(std::uint32_t link, ipv4_address address) {
    message request{*this, RTM_DELNEIGH, 0, neighbour_header(AF_INET, link, 0, 0),
                    fmt::format("removing the neighbour {}", address.to_string())};
    request.add(NDA_DST, address);
}

void netlink_batch::set_forwarding(std::uint32_t port, mac_address mac) {
    // NUD_NOARP makes the entry static: it does not age, and no frame moves it to another port.
    message request{*this, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                    neighbour_header(AF_BRIDGE, port, NUD_NOARP, NTF_MASTER),
                    fmt::format("entering the MAC address {} at its port", mac.to_string())};
    request.add(NDA_LLADDR, mac);
}

void netlink_batch::remove_forwarding(std::uint32_t port, mac_address mac) {
    message request{*this, RTM_DELNEIGH, 0, neighbour_header(AF_BRIDGE, port, 0, NTF_MASTER),
                    fmt::format("removing the MAC address {} from its port", mac.to_string())};
    request.add(NDA_LLADDR, mac);
}

} // namespace davit::io
