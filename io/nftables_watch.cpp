#include "io/nftables_watch.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <utility>

#include "core/error.h"
#include "io/netlink_attributes.h"

namespace davit::io {

namespace {

descriptor open_subscription() {
    descriptor opened{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
    // Bound, because a multicast leaves out the sender's port, and 0, which an unbound socket has, stands for none.
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    const int group = NFNLGRP_NFTABLES;
    if (!opened || ::bind(opened.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
        ::setsockopt(opened.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        throw error::system(errno, "listening for changes of the packet filter");
    return opened;
}

// The first attribute of a table, of a chain and of a rule alike is the table's name.
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1);

bool has_flag(const nlattr& attribute, std::uint32_t flag) {
    std::uint32_t flags = 0;
    if (mnl_attr_get_payload_len(&attribute) != sizeof flags) return false;
    std::memcpy(&flags, mnl_attr_get_payload(&attribute), sizeof flags);
    return (ntohl(flags) & flag) != 0;
}

} // namespace

bool is_table_damaged(std::span<const char> notifications, int family, const std::string& table, bool so_far) {
    bool is_damaged = so_far;
    while (notifications.size() >= sizeof(nlmsghdr)) {
        nlmsghdr head;
        std::memcpy(&head, notifications.data(), sizeof head);
        if (head.nlmsg_len < sizeof(nlmsghdr) || head.nlmsg_len > notifications.size()) break;
        constexpr std::size_t before_attributes = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(nfgenmsg));
        const int kind = head.nlmsg_type & 0xff;
        const bool is_removal = kind == NFT_MSG_DELTABLE || kind == NFT_MSG_DELCHAIN || kind == NFT_MSG_DELRULE;
        if (head.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && head.nlmsg_len >= before_attributes &&
            (is_removal || kind == NFT_MSG_NEWTABLE) &&
            static_cast<unsigned char>(notifications[MNL_NLMSG_HDRLEN]) == family) {
            bool is_it = false;
            bool is_dormant = false;
            each_attribute(notifications.data() + before_attributes, head.nlmsg_len - before_attributes,
                           [&](const nlattr& attribute) {
                               if (mnl_attr_get_type(&attribute) == NFTA_TABLE_NAME && text_in(attribute) == table)
                                   is_it = true;
                               if (!is_removal && mnl_attr_get_type(&attribute) == NFTA_TABLE_FLAGS)
                                   is_dormant = has_flag(attribute, NFT_TABLE_F_DORMANT);
                           });
            if (is_it) is_damaged = is_removal || is_dormant;
        }
        const std::size_t whole = MNL_ALIGN(head.nlmsg_len);
        if (whole >= notifications.size()) break;
        notifications = notifications.subspan(whole);
    }
    return is_damaged;
}

nftables_watch::nftables_watch(int family, std::string table)
    : socket_{open_subscription()}, family_{family}, table_{std::move(table)} {}

task<void> nftables_watch::damage() {
    bool is_damaged = false;
    // One transaction's notifications may come in several parts, all of which are there when the first is.
    for (;;) {
        alignas(nlmsghdr) std::array<char, 16 * 1024> received{};
        const auto length = ::recv(socket_.fd(), received.data(), received.size(), 0);
        if (length >= 0) {
            is_damaged =
                is_table_damaged({received.data(), static_cast<std::size_t>(length)}, family_, table_, is_damaged);
        } else if (errno == EAGAIN) {
            if (is_damaged) co_return;
            co_await socket_.readable();
        } else if (errno == ENOBUFS) {
            is_damaged = true; // More happened than the socket holds: as good as damage.
        } else if (errno != EINTR) {
            throw error::system(errno, "listening for changes of the packet filter");
        }
    }
}

} // namespace davit::io
