#include "modules/runtime/native/shim/network.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/staging.h"

namespace davit::shim {
namespace {

struct ip_address {
    int family = AF_INET;
    int prefix = 0;
    unsigned char bytes[16] = {};
    std::size_t size() const { return family == AF_INET ? 4 : 16; }
};

ip_address parse_address(const std::string& text) {
    ip_address made;
    const auto slash = text.find('/');
    const auto host = text.substr(0, slash);
    made.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
    made.prefix = made.family == AF_INET ? 32 : 128;
    if (inet_pton(made.family, host.c_str(), made.bytes) != 1)
        fail(failure_kind::invalid, 0, "%s is no IP address", text.c_str());
    if (slash != std::string::npos) {
        char* end = nullptr;
        const long prefix = std::strtol(text.c_str() + slash + 1, &end, 10);
        if (end == text.c_str() + slash + 1 || *end != '\0' || prefix < 0 || prefix > made.prefix)
            fail(failure_kind::invalid, 0, "%s is no IP address with a prefix length", text.c_str());
        made.prefix = static_cast<int>(prefix);
    }
    return made;
}

using mac_address = std::array<unsigned char, 6>;

mac_address parse_mac(const std::string& text) {
    mac_address made{};
    const char* at = text.data();
    const char* const end = at + text.size();
    bool is_good = true;
    for (std::size_t i = 0; i < made.size() && is_good; ++i) {
        if (i > 0) is_good = at != end && *at++ == ':';
        const auto [after, failed] = std::from_chars(at, end - at > 2 ? at + 2 : end, made[i], 16);
        is_good &= failed == std::errc{};
        at = after;
    }
    if (!is_good || at != end) fail(failure_kind::invalid, 0, "%s is no MAC address", text.c_str());
    return made;
}

/// Several rtnetlink requests, sent together; each is acknowledged.
class netlink_batch {
  public:
    struct message {
        std::size_t start; ///< Of its nlmsghdr in the buffer
    };

    template <class Body>
    message begin(int type, int flags, const Body& body, std::string what, bool may_fail = false) {
        const auto start = bytes_.size();
        nlmsghdr header{};
        header.nlmsg_type = static_cast<std::uint16_t>(type);
        header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        header.nlmsg_seq = static_cast<std::uint32_t>(requests_.size());
        append(&header, sizeof header);
        append(&body, sizeof body);
        requests_.push_back({std::move(what), may_fail});
        return {start};
    }
    std::size_t attribute(int type, const void* data, std::size_t size) {
        const auto start = bytes_.size();
        rtattr header{};
        header.rta_type = static_cast<std::uint16_t>(type);
        header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
        append(&header, sizeof header);
        if (size > 0) append(data, size);
        return start;
    }
    void close_nest(std::size_t start) {
        const auto length = static_cast<std::uint16_t>(bytes_.size() - start);
        std::memcpy(bytes_.data() + start + offsetof(rtattr, rta_len), &length, sizeof length);
    }
    void end(message one) {
        const auto length = static_cast<std::uint32_t>(bytes_.size() - one.start);
        std::memcpy(bytes_.data() + one.start + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    }

    /// Sends all, waits for all acknowledgements; the first error that matters ends the sandbox.
    void run() {
        const int socket_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (socket_fd < 0) fail(failure_kind::internal, errno, "opening rtnetlink");
        // All are answered before the first answer is read.
        const int room = 16 << 20;
        setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
        if (send(socket_fd, bytes_.data(), bytes_.size(), 0) < 0)
            fail(failure_kind::internal, errno, "configuring the container's network");
        std::size_t acknowledged = 0;
        while (acknowledged < requests_.size()) {
            alignas(nlmsghdr) char buffer[8192];
            const auto count = recv(socket_fd, buffer, sizeof buffer, 0);
            if (count <= 0) fail(failure_kind::internal, errno, "configuring the container's network");
            auto left = static_cast<unsigned>(count);
            for (auto* at = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
                if (at->nlmsg_type != NLMSG_ERROR) continue;
                ++acknowledged;
                nlmsgerr answer{};
                std::memcpy(&answer, NLMSG_DATA(at), sizeof answer);
                if (answer.error == 0 || at->nlmsg_seq >= requests_.size() || requests_[at->nlmsg_seq].may_fail)
                    continue;
                fail(failure_kind::internal, -answer.error, "%s", requests_[at->nlmsg_seq].what.c_str());
            }
        }
        close(socket_fd);
    }

  private:
    struct request {
        std::string what;
        bool may_fail;
    };

    void append(const void* data, std::size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.append(NLMSG_ALIGN(bytes_.size()) - bytes_.size(), '\0');
    }

    std::string bytes_;
    std::vector<request> requests_;
};

void add_link_up(netlink_batch& batch, int index, const std::string& name) {
    ifinfomsg body{};
    body.ifi_index = index;
    body.ifi_flags = IFF_UP;
    body.ifi_change = IFF_UP;
    batch.end(batch.begin(RTM_NEWLINK, 0, body, "bringing " + name + " up"));
}

void add_quiet_ipv6(netlink_batch& batch, int index, const std::string& name) {
    ifinfomsg body{};
    body.ifi_index = index;
    // A kernel without IPv6 refuses this, and is as quiet as can be.
    const auto message = batch.begin(RTM_NEWLINK, 0, body, "keeping IPv6 of " + name + " quiet", true);
    const auto outer = batch.attribute(IFLA_AF_SPEC | NLA_F_NESTED, nullptr, 0);
    const auto inner = batch.attribute(AF_INET6 | NLA_F_NESTED, nullptr, 0);
    const std::uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    batch.attribute(IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    batch.close_nest(inner);
    batch.close_nest(outer);
    batch.end(message);
}

void add_address(netlink_batch& batch, int index, const std::string& text, const std::string& name) {
    const auto address = parse_address(text);
    ifaddrmsg body{};
    body.ifa_family = static_cast<std::uint8_t>(address.family);
    body.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
    body.ifa_flags = address.family == AF_INET6 ? IFA_F_NODAD : 0;
    body.ifa_index = static_cast<std::uint32_t>(index);
    const auto message =
        batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, "giving " + name + " address " + text);
    batch.attribute(IFA_LOCAL, address.bytes, address.size());
    batch.attribute(IFA_ADDRESS, address.bytes, address.size());
    if (address.family == AF_INET && address.prefix < 31) {
        unsigned char broadcast[4];
        const std::uint32_t host_part = htonl(0xffffffffu >> address.prefix);
        std::memcpy(broadcast, address.bytes, 4);
        for (int i = 0; i < 4; ++i) broadcast[i] |= reinterpret_cast<const unsigned char*>(&host_part)[i];
        batch.attribute(IFA_BROADCAST, broadcast, sizeof broadcast);
    }
    batch.end(message);
}

void add_default_route(netlink_batch& batch, int index, const std::string& gateway) {
    const auto address = parse_address(gateway);
    rtmsg body{};
    body.rtm_family = static_cast<std::uint8_t>(address.family);
    body.rtm_table = RT_TABLE_MAIN;
    body.rtm_protocol = RTPROT_BOOT;
    body.rtm_scope = RT_SCOPE_UNIVERSE;
    body.rtm_type = RTN_UNICAST;
    const auto message = batch.begin(RTM_NEWROUTE, NLM_F_CREATE, body, "setting the default route by " + gateway);
    batch.attribute(RTA_GATEWAY, address.bytes, address.size());
    batch.attribute(RTA_OIF, &index, sizeof index);
    batch.end(message);
}

void add_neighbour(netlink_batch& batch, int index, const neighbour_plan& neighbour) {
    const auto address = parse_address(neighbour.address);
    const auto mac = parse_mac(neighbour.mac);
    ndmsg body{};
    body.ndm_family = static_cast<std::uint8_t>(address.family);
    body.ndm_ifindex = index;
    body.ndm_state = NUD_PERMANENT;
    const auto message =
        batch.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body, "entering neighbour " + neighbour.address);
    batch.attribute(NDA_DST, address.bytes, address.size());
    batch.attribute(NDA_LLADDR, mac.data(), mac.size());
    batch.end(message);
}

} // namespace

void bring_loopback_up() {
    netlink_batch batch;
    add_link_up(batch, 1, "lo");
    batch.run();
}

void configure_network(const network_plan& plan, int settings) {
    netlink_batch batch;
    for (const auto& interface : plan.interfaces) {
        const auto index = static_cast<int>(if_nametoindex(interface.name.c_str()));
        if (index == 0)
            fail(failure_kind::internal, errno, "finding interface %s in the sandbox", interface.name.c_str());
        if (interface.ipv6_is_quiet) {
            add_quiet_ipv6(batch, index, interface.name);
            // Then nothing speaks IPv6 on it, not even with an address that the container adds.
            const auto setting = "net/ipv6/conf/" + interface.name + "/disable_ipv6";
            const int error = write_proc(settings, setting.c_str(), "1");
            // Where the kernel has no IPv6, there is nothing to switch off.
            if (error != 0 && error != ENOENT)
                fail(failure_kind::internal, error, "switching IPv6 off on %s", interface.name.c_str());
        }
        for (const auto& address : interface.addresses) add_address(batch, index, address, interface.name);
        add_link_up(batch, index, interface.name);
        for (const auto& gateway : interface.gateways) add_default_route(batch, index, gateway);
        for (const auto& neighbour : interface.neighbours) add_neighbour(batch, index, neighbour);
    }
    if (!plan.interfaces.empty()) batch.run();
}

} // namespace davit::shim
