#include "modules/network/bridge/firewall.h"

#include <string_view>

#include <fmt/format.h>

namespace davit {

std::string bridge_firewall::rules() const {
    // raw: before connection tracking, so that what is refused costs no entry there. The gateway's own address stays
    //   reachable from the host's other bridges: "host-gateway" is that address. 127.0.0.0/8 never comes off a wire.
    // forward: what containers began may be answered; nobody else begins anything towards them. A packet that leaves
    //   by the bridge it came from goes from container to container.
    // segments: the host takes nothing in by them. With bridge-nf-call-iptables packets that pass a segment are seen
    //   here as well: they are looked at, and tracked, where they leave it.
    const std::string segments = segment_prefix + "*";
    const auto if_segments = [&](std::string_view rule) {
        return segment_prefix.empty() ? std::string{} : fmt::format(fmt::runtime(rule), fmt::arg("segments", segments));
    };
    return fmt::format(R"(
    chain raw_prerouting {{
        type filter hook prerouting priority raw; policy accept;
        {pass_segments}
        iifname "{bridge}" meta nfproto ipv6 drop
        iifname "{bridge}" ip saddr 127.0.0.0/8 drop
        iifname "{bridge}" ip daddr 127.0.0.0/8 drop
        iifname != {{ "{bridge}", "lo" }} ip daddr {subnet} ip daddr != {gateway} drop
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        {refuse_segments}
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        {keep_segments}
        iifname "{bridge}" oifname "{bridge}" {among_containers}
        oifname "{bridge}" ct state established,related accept
        oifname "{bridge}" drop
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {subnet} oifname != "{bridge}" masquerade
    }})",
                       fmt::arg("bridge", bridge), fmt::arg("subnet", gateway.whole().to_string()),
                       fmt::arg("gateway", gateway.address.to_string()),
                       fmt::arg("among_containers", containers_reach_others ? "accept" : "drop"),
                       fmt::arg("pass_segments", if_segments(R"(iifname "{segments}" notrack accept)")),
                       fmt::arg("refuse_segments", if_segments(R"(iifname "{segments}" drop)")),
                       fmt::arg("keep_segments", if_segments(R"(iifname "{segments}" oifname != "{segments}" drop)")));
}

} // namespace davit
