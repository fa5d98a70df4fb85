#include <arpa/inet.h>
#include <cstring>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "io/netlink.h"
#include "io/netlink_attributes.h"

namespace davit::io {

namespace {

// Of linux/if.h, which can't be included beside net/if.h: the interface has a carrier.
constexpr unsigned lower_up = 1u << 16;

template <class Number> std::optional<Number> number_of(const nlattr& attribute) {
    if (mnl_attr_get_payload_len(&attribute) != sizeof(Number)) return std::nullopt;
    Number number;
    std::memcpy(&number, mnl_attr_get_payload(&attribute), sizeof(Number));
    return number;
}

std::optional<ipv4_address> address_of(const nlattr& attribute) {
    const auto number = number_of<std::uint32_t>(attribute);
    if (!number) return std::nullopt;
    return ipv4_address{ntohl(*number)};
}

std::optional<mac_address> mac_of(const nlattr& attribute) {
    mac_address mac;
    if (mnl_attr_get_payload_len(&attribute) != mac.bytes.size()) return std::nullopt;
    std::memcpy(mac.bytes.data(), mnl_attr_get_payload(&attribute), mac.bytes.size());
    return mac;
}

/// Calls `visit(header, attribute visitor)` for each whole message of one type.
template <class Header, class Visit>
void each_message(std::span<const char> messages, std::uint16_t type, Visit visit) {
    while (messages.size() >= sizeof(nlmsghdr)) {
        const auto* head = reinterpret_cast<const nlmsghdr*>(messages.data());
        if (head->nlmsg_len < sizeof(nlmsghdr) || head->nlmsg_len > messages.size()) return;
        constexpr std::size_t before_attributes = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(Header));
        if (head->nlmsg_type == type && head->nlmsg_len >= before_attributes) {
            Header header;
            std::memcpy(&header, messages.data() + MNL_NLMSG_HDRLEN, sizeof header);
            visit(header, [&](auto see) {
                each_attribute(messages.data() + before_attributes, head->nlmsg_len - before_attributes, see);
            });
        }
        const std::size_t whole = MNL_ALIGN(head->nlmsg_len);
        if (whole >= messages.size()) return;
        messages = messages.subspan(whole);
    }
}

/// What kind of interface it is, and how it is as a port (IFLA_LINKINFO).
void parse_kind(const nlattr& attribute, link_info& link) {
    bool is_bridge_port = false;
    const auto each_inside = [](const nlattr& outer, auto see) {
        each_attribute(mnl_attr_get_payload(&outer), mnl_attr_get_payload_len(&outer), see);
    };
    each_inside(attribute, [&](const nlattr& inner) {
        switch (mnl_attr_get_type(&inner)) {
        case IFLA_INFO_KIND:
            link.kind = text_in(inner);
            break;
        case IFLA_INFO_SLAVE_KIND:
            is_bridge_port = text_in(inner) == "bridge";
            break;
        case IFLA_INFO_SLAVE_DATA: // comes after the kind
            if (!is_bridge_port) break;
            each_inside(inner, [&](const nlattr& state) {
                if (mnl_attr_get_type(&state) == IFLA_BRPORT_STATE)
                    link.is_forwarding = number_of<std::uint8_t>(state) == BR_STATE_FORWARDING;
            });
            break;
        default:
            break;
        }
    });
}

} // namespace

std::vector<link_info> parse_links(std::span<const char> messages) {
    std::vector<link_info> links;
    each_message<ifinfomsg>(messages, RTM_NEWLINK, [&](const ifinfomsg& header, auto each) {
        link_info link;
        link.index = static_cast<std::uint32_t>(header.ifi_index);
        link.is_up = (header.ifi_flags & IFF_UP) != 0;
        link.is_running = (header.ifi_flags & IFF_RUNNING) != 0 && (header.ifi_flags & lower_up) != 0;
        each([&](const nlattr& attribute) {
            switch (mnl_attr_get_type(&attribute)) {
            case IFLA_IFNAME:
                link.name = text_in(attribute);
                break;
            case IFLA_MASTER:
                link.master = number_of<std::uint32_t>(attribute).value_or(0);
                break;
            case IFLA_ADDRESS:
                link.mac = mac_of(attribute);
                break;
            case IFLA_LINKINFO:
                parse_kind(attribute, link);
                break;
            default:
                break;
            }
        });
        links.push_back(std::move(link));
    });
    return links;
}

std::vector<address_info> parse_addresses(std::span<const char> messages) {
    std::vector<address_info> addresses;
    each_message<ifaddrmsg>(messages, RTM_NEWADDR, [&](const ifaddrmsg& header, auto each) {
        if (header.ifa_family != AF_INET || header.ifa_prefixlen > 32) return;
        // On a point-to-point link IFA_ADDRESS is the far end; the interface's own is IFA_LOCAL.
        std::optional<ipv4_address> local;
        std::optional<ipv4_address> address;
        each([&](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) == IFA_LOCAL) local = address_of(attribute);
            if (mnl_attr_get_type(&attribute) == IFA_ADDRESS) address = address_of(attribute);
        });
        if (!local) local = address;
        if (local) addresses.push_back({header.ifa_index, {*local, header.ifa_prefixlen}});
    });
    return addresses;
}

std::vector<route_info> parse_routes(std::span<const char> messages) {
    std::vector<route_info> routes;
    each_message<rtmsg>(messages, RTM_NEWROUTE, [&](const rtmsg& header, auto each) {
        if (header.rtm_family != AF_INET || header.rtm_dst_len > 32 || header.rtm_table != RT_TABLE_MAIN) return;
        route_info route;
        route.destination.prefix_length = header.rtm_dst_len;
        each([&](const nlattr& attribute) {
            switch (mnl_attr_get_type(&attribute)) {
            case RTA_DST:
                route.destination.address = address_of(attribute).value_or(ipv4_address{});
                break;
            case RTA_GATEWAY:
                route.gateway = address_of(attribute);
                break;
            case RTA_OIF:
                route.link = number_of<std::uint32_t>(attribute).value_or(0);
                break;
            default:
                break;
            }
        });
        routes.push_back(route);
    });
    return routes;
}

std::vector<neighbour_info> parse_neighbours(std::span<const char> messages) {
    std::vector<neighbour_info> neighbours;
    each_message<ndmsg>(messages, RTM_NEWNEIGH, [&](const ndmsg& header, auto each) {
        if (header.ndm_family != AF_INET) return;
        neighbour_info neighbour;
        neighbour.link = static_cast<std::uint32_t>(header.ndm_ifindex);
        neighbour.is_permanent = (header.ndm_state & NUD_PERMANENT) != 0;
        bool has_address = false;
        each([&](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) == NDA_DST) {
                if (const auto address = address_of(attribute)) {
                    neighbour.address = *address;
                    has_address = true;
                }
            }
            if (mnl_attr_get_type(&attribute) == NDA_LLADDR) neighbour.mac = mac_of(attribute);
        });
        if (has_address) neighbours.push_back(neighbour);
    });
    return neighbours;
}

int error_at_end_of_dump(std::span<const char> message) {
    std::int32_t status = 0;
    if (message.size() < MNL_NLMSG_HDRLEN + sizeof status) return 0;
    std::memcpy(&status, message.data() + MNL_NLMSG_HDRLEN, sizeof status);
    return status < 0 ? -status : 0;
}

} // namespace davit::io
