#include <array>
#include <cerrno>
#include <cstring>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/error.h"
#include "io/netlink.h"
#include "io/netlink_attributes.h"

namespace davit::io {

namespace {

/// The kernel makes no part of a dump larger than this, and no single answer comes near it (netlink(7)).
constexpr std::size_t largest_answer = 32 * 1024;

/// Acknowledgements wait in the socket's receive buffer, which holds some two hundred, until the send has returned.
constexpr std::uint32_t most_in_one_send = 64;

/// Calls `visit(message)` for each whole message.
template <class Visit> void each_reply(const std::vector<char>& received, Visit visit) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(received.data());
    int left = static_cast<int>(received.size());
    while (mnl_nlmsg_ok(message, left)) {
        visit(*message);
        message = mnl_nlmsg_next(message, &left);
    }
}

/// The errno in an acknowledgement (0: done), and what the kernel says about it beyond that ("extended ack").
struct acknowledgement {
    int number = 0;
    std::string remark;
};

acknowledgement read_acknowledgement(const nlmsghdr& reply) {
    acknowledgement read;
    if (mnl_nlmsg_get_payload_len(&reply) < sizeof(nlmsgerr)) return {EBADMSG, {}};
    nlmsgerr refusal;
    std::memcpy(&refusal, mnl_nlmsg_get_payload(&reply), sizeof refusal);
    read.number = -refusal.error;
    if (read.number == 0 || !(reply.nlmsg_flags & NLM_F_ACK_TLVS)) return read;
    // NETLINK_CAP_ACK is set: the request's own bytes are not repeated, the attributes follow its header.
    each_attribute(static_cast<const char*>(mnl_nlmsg_get_payload(&reply)) + MNL_ALIGN(sizeof(nlmsgerr)),
                   mnl_nlmsg_get_payload_len(&reply) - MNL_ALIGN(sizeof(nlmsgerr)), [&](const nlattr& attribute) {
                       if (mnl_attr_get_type(&attribute) == NLMSGERR_ATTR_MSG) read.remark = text_in(attribute);
                   });
    return read;
}

/// The RTM_GETLINK body, without statistics, which are most of an interface's answer.
void add_link_query(nlmsghdr* head) {
    mnl_nlmsg_put_extra_header(head, sizeof(ifinfomsg));
    mnl_attr_put_u32(head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

} // namespace

netlink_socket::netlink_socket() : fd_{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)} {
    if (!fd_) throw error::system(errno, "opening a netlink socket");
    const int on = 1;
    // Older kernels may refuse these; what is lost is only the kernel's remark on a failure.
    ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

std::vector<char> netlink_socket::receive() {
    std::vector<char> received(largest_answer);
    for (;;) {
        sockaddr_nl from{};
        socklen_t from_size = sizeof from;
        const auto length = ::recvfrom(fd_.get(), received.data(), received.size(), MSG_TRUNC,
                                       reinterpret_cast<sockaddr*>(&from), &from_size);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) throw error::system(errno, "reading the kernel's answer about the network");
        if (static_cast<std::size_t>(length) > received.size())
            throw error(errc::internal, "the kernel's answer about the network is longer than {} bytes",
                        received.size());
        if (from.nl_pid != 0) continue; // Only the kernel is believed, not another process.
        received.resize(static_cast<std::size_t>(length));
        return received;
    }
}

void netlink_socket::apply(netlink_batch batch) {
    std::optional<error> failure;
    std::size_t sent = 0; // requests
    for (std::size_t begin = 0; begin < batch.bytes_.size();) {
        const std::uint32_t first = sequence_ + 1;
        std::size_t end = begin;
        while (end < batch.bytes_.size() && sequence_ - first + 1 < most_in_one_send) {
            auto* head = reinterpret_cast<nlmsghdr*>(batch.bytes_.data() + end);
            head->nlmsg_seq = ++sequence_;
            end += MNL_ALIGN(head->nlmsg_len);
        }
        if (::send(fd_.get(), batch.bytes_.data() + begin, end - begin, 0) < 0)
            throw error::system(errno, "{}", batch.asked_[sent]);

        const std::size_t requests = sequence_ - first + 1;
        for (std::size_t open = requests; open > 0;) {
            each_reply(receive(), [&](const nlmsghdr& reply) {
                const std::size_t request = reply.nlmsg_seq - first;
                if (reply.nlmsg_type != NLMSG_ERROR || request >= requests) return;
                --open;
                const auto answer = read_acknowledgement(reply);
                if (answer.number == 0 || failure) return;
                const std::string& asked = batch.asked_[sent + request];
                failure = answer.remark.empty() ? error::system(answer.number, "{}", asked)
                                                : error::system(answer.number, "{} ({})", asked, answer.remark);
            });
        }
        begin = end;
        sent += requests;
    }
    if (failure) throw *failure;
}

std::vector<char> netlink_socket::dump(std::uint16_t type, const char* what) {
    // A table that changed while it was read is read again; the last try is taken as it is.
    for (int tries = 0;; ++tries) {
        alignas(nlmsghdr) std::array<char, 128> request{};
        nlmsghdr* head = mnl_nlmsg_put_header(request.data());
        head->nlmsg_type = type;
        head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        head->nlmsg_seq = ++sequence_;
        if (type == RTM_GETLINK)
            add_link_query(head);
        else
            static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(rtgenmsg)))->rtgen_family = AF_INET;
        if (::send(fd_.get(), head, head->nlmsg_len, 0) < 0) throw error::system(errno, "listing the {}", what);

        std::vector<char> messages;
        bool has_ended = false;
        bool was_disturbed = false;
        while (!has_ended) {
            const auto received = receive();
            each_reply(received, [&](const nlmsghdr& reply) {
                if (reply.nlmsg_seq != sequence_) return;
                was_disturbed = was_disturbed || (reply.nlmsg_flags & NLM_F_DUMP_INTR);
                if (reply.nlmsg_type == NLMSG_DONE) {
                    has_ended = true;
                    const int number = error_at_end_of_dump({reinterpret_cast<const char*>(&reply), reply.nlmsg_len});
                    if (number != 0) throw error::system(number, "listing the {}", what);
                }
                if (reply.nlmsg_type == NLMSG_ERROR)
                    throw error::system(read_acknowledgement(reply).number, "listing the {}", what);
            });
            messages.insert(messages.end(), received.begin(), received.end());
        }
        if (!was_disturbed || tries == 10) return messages;
    }
}

std::optional<link_info> netlink_socket::find_link(const std::string& name) {
    alignas(nlmsghdr) std::array<char, 256> request{};
    nlmsghdr* head = mnl_nlmsg_put_header(request.data());
    head->nlmsg_type = RTM_GETLINK;
    head->nlmsg_flags = NLM_F_REQUEST;
    head->nlmsg_seq = ++sequence_;
    add_link_query(head);
    if (!mnl_attr_put_strz_check(head, request.size(), IFLA_IFNAME, name.c_str())) return std::nullopt;
    if (::send(fd_.get(), head, head->nlmsg_len, 0) < 0) throw error::system(errno, "looking for {}", name);
    for (;;) {
        const auto received = receive();
        std::optional<link_info> found;
        bool has_answer = false;
        each_reply(received, [&](const nlmsghdr& reply) {
            if (reply.nlmsg_seq != sequence_) return;
            has_answer = true;
            if (reply.nlmsg_type == NLMSG_ERROR) {
                const int number = read_acknowledgement(reply).number;
                if (number != ENODEV) throw error::system(number, "looking for the interface {}", name);
            }
        });
        if (!has_answer) continue;
        auto links = parse_links(received);
        if (!links.empty()) found = std::move(links.front());
        return found;
    }
}

std::uint32_t netlink_socket::index_of(const std::string& name) {
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name)
        throw error(errc::not_found, "there is no interface \"{}\": the name is too long", name);
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (::ioctl(fd_.get(), SIOCGIFINDEX, &request) == 0) return static_cast<std::uint32_t>(request.ifr_ifindex);
    if (errno == ENODEV) throw error(errc::not_found, "there is no interface {}", name);
    throw error::system(errno, "looking for the interface {}", name);
}

std::vector<link_info> netlink_socket::links() {
    return parse_links(dump(RTM_GETLINK, "interfaces"));
}

std::vector<address_info> netlink_socket::addresses() {
    return parse_addresses(dump(RTM_GETADDR, "addresses"));
}

std::vector<route_info> netlink_socket::routes() {
    return parse_routes(dump(RTM_GETROUTE, "routes"));
}

std::vector<neighbour_info> netlink_socket::neighbours() {
    return parse_neighbours(dump(RTM_GETNEIGH, "neighbours"));
}

} // namespace davit::io
