#include "bench/floor/floor_network.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

namespace davit::floor {
namespace {

constexpr std::uint32_t network_address = 0x0ae70000; // 10.231.0.0/16, the gateway is .0.1
constexpr int prefix = 16;

[[noreturn]] void die(const char* what, int number) {
    std::fprintf(stderr, "launch_floor: %s: %s\n", what, std::strerror(number));
    _exit(1);
}

int open_netlink() {
    const int made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (made < 0) die("opening rtnetlink", errno);
    return made;
}

/// One request at a time, built up in place.
class request {
  public:
    template <class Body> request(int type, int flags, const Body& body) {
        auto& header = *reinterpret_cast<nlmsghdr*>(buffer_);
        header.nlmsg_len = NLMSG_HDRLEN;
        header.nlmsg_type = static_cast<std::uint16_t>(type);
        header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        put(&body, sizeof body);
    }
    rtattr* add(int type, const void* data, std::size_t size) {
        rtattr header{static_cast<std::uint16_t>(RTA_LENGTH(size)), static_cast<std::uint16_t>(type)};
        auto* at = static_cast<rtattr*>(put(&header, sizeof header));
        if (size > 0) put(data, size);
        return at;
    }
    rtattr* add(int type, const std::string& text) { return add(type, text.c_str(), text.size() + 1); }
    void close(rtattr* nest) { nest->rta_len = static_cast<std::uint16_t>(end() - reinterpret_cast<char*>(nest)); }
    void* put(const void* data, std::size_t size) {
        auto* at = end();
        std::memcpy(at, data, size);
        auto& header = *reinterpret_cast<nlmsghdr*>(buffer_);
        header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_ALIGN(header.nlmsg_len + size));
        return at;
    }
    void run(int socket, const char* what) {
        const auto& header = *reinterpret_cast<nlmsghdr*>(buffer_);
        alignas(nlmsghdr) char answer[4096];
        if (send(socket, buffer_, header.nlmsg_len, 0) < 0 || recv(socket, answer, sizeof answer, 0) < 0)
            die(what, errno);
        const auto& got = *reinterpret_cast<const nlmsghdr*>(answer);
        if (got.nlmsg_type != NLMSG_ERROR) return;
        nlmsgerr result{};
        std::memcpy(&result, NLMSG_DATA(&got), sizeof result);
        if (result.error != 0) die(what, -result.error);
    }

  private:
    char* end() { return buffer_ + reinterpret_cast<nlmsghdr*>(buffer_)->nlmsg_len; }

    alignas(nlmsghdr) char buffer_[2048]{};
};

ifinfomsg link(int index, bool up) {
    ifinfomsg body{};
    body.ifi_index = index;
    if (up) body.ifi_flags = body.ifi_change = IFF_UP;
    return body;
}

/// No link-local address and what comes with it, before the interface goes up.
void keep_quiet(int socket, int index) {
    request to{RTM_NEWLINK, 0, link(index, false)};
    auto* outer = to.add(IFLA_AF_SPEC | NLA_F_NESTED, nullptr, 0);
    auto* inner = to.add(AF_INET6 | NLA_F_NESTED, nullptr, 0);
    const std::uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    to.add(IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    to.close(inner);
    to.close(outer);
    to.run(socket, "keeping IPv6 quiet");
}

void give_address(int socket, int index, std::uint32_t host_number) {
    ifaddrmsg body{};
    body.ifa_family = AF_INET;
    body.ifa_prefixlen = prefix;
    body.ifa_index = static_cast<std::uint32_t>(index);
    const auto address = htonl(network_address + host_number);
    request asked{RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body};
    asked.add(IFA_LOCAL, &address, sizeof address);
    asked.add(IFA_ADDRESS, &address, sizeof address);
    asked.run(socket, "giving an address");
}

void bring_up(int socket, int index) {
    request{RTM_NEWLINK, 0, link(index, true)}.run(socket, "bringing an interface up");
}

} // namespace

bridge::bridge(std::string name) : name_{std::move(name)}, socket_{open_netlink()} {
    request asked{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(0, false)};
    asked.add(IFLA_IFNAME, name_);
    auto* info = asked.add(IFLA_LINKINFO, nullptr, 0);
    asked.add(IFLA_INFO_KIND, "bridge", 6);
    asked.close(info);
    asked.run(socket_, "making a bridge");
    index_ = static_cast<int>(if_nametoindex(name_.c_str()));
    keep_quiet(socket_, index_);
    give_address(socket_, index_, 1);
    bring_up(socket_, index_);
}

bridge::~bridge() {
    request{RTM_DELLINK, 0, link(index_, false)}.run(socket_, "removing the bridge");
    ::close(socket_);
}

void bridge::add_port(const std::string& name, int pid) {
    request asked{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(0, false)};
    asked.add(IFLA_IFNAME, name);
    asked.add(IFLA_MASTER, &index_, sizeof index_);
    auto* info = asked.add(IFLA_LINKINFO, nullptr, 0);
    asked.add(IFLA_INFO_KIND, "veth", 4);
    auto* data = asked.add(IFLA_INFO_DATA, nullptr, 0);
    auto* peer = asked.add(VETH_INFO_PEER, nullptr, 0);
    const auto inside = link(0, false);
    asked.put(&inside, sizeof inside);
    asked.add(IFLA_IFNAME, std::string{"eth0"});
    asked.add(IFLA_NET_NS_PID, &pid, sizeof pid);
    asked.close(peer);
    asked.close(data);
    asked.close(info);
    asked.run(socket_, "making a veth pair");
    const auto port = static_cast<int>(if_nametoindex(name.c_str()));
    keep_quiet(socket_, port);
    bring_up(socket_, port);
}

void configure_inside(std::uint32_t host_number) {
    const int socket = open_netlink();
    bring_up(socket, 1);
    if (host_number != 0) {
        const auto index = static_cast<int>(if_nametoindex("eth0"));
        keep_quiet(socket, index);
        give_address(socket, index, host_number);
        bring_up(socket, index);
        rtmsg body{};
        body.rtm_family = AF_INET;
        body.rtm_table = RT_TABLE_MAIN;
        body.rtm_protocol = RTPROT_BOOT;
        body.rtm_type = RTN_UNICAST;
        const auto gateway = htonl(network_address + 1);
        request route{RTM_NEWROUTE, NLM_F_CREATE, body};
        route.add(RTA_GATEWAY, &gateway, sizeof gateway);
        route.run(socket, "setting the default route");
    }
    ::close(socket);
}

} // namespace davit::floor
