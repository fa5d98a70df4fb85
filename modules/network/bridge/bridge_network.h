#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/background.h"
#include "core/module.h"
#include "core/network_driver.h"
#include "core/state_store.h"
#include "io/netlink.h"
#include "io/nftables.h"
#include "modules/network/bridge/address_pool.h"
#include "modules/network/bridge/bridge_ports.h"
#include "modules/network/bridge/guarded_table.h"

namespace davit {

/// The network "bridge": sandboxes are ports of one Linux bridge of the host and reach the world through NAT.
///
/// An endpoint is a veth pair: eth0 in the sandbox, with a MAC address that follows from its IPv4 address, and
/// davit-<start of the endpoint's id> on the bridge, or on a segment of it (bridge_ports.h). Nothing is learnt or asked
/// by broadcast (bridge_device.cpp says how), so that a new endpoint costs the present ones nothing.
class bridge_network final : public module, public network_driver {
  public:
    using provides = interfaces<network_driver>;
    using needs = interfaces<state_store>;
    static constexpr std::array keys = {
        setting_key{"bridge", "davit0", "The bridge of the default network; made when it is not there"},
        setting_key{"bip", "", "The bridge's address and prefix length; chosen to fit the host when it is not given"},
        setting_key{"icc", "true", "Whether containers on the bridge reach each other", false, true},
    };

    explicit bridge_network(const module_inputs& given);
    /// For tests and tools without a registry. `address`: as the setting `bip`.
    bridge_network(state_store& store, std::string bridge, std::optional<io::ipv4_network> address,
                   bool containers_reach_others, std::size_t ports_a_bridge = bridge_ports::usual_room);

    task<void> start() override;
    task<void> stop() override;

    network_facts facts() const override { return facts_; }
    task<attached_endpoint> attach(std::int32_t pid) override;
    task<void> settle(endpoint where) override;
    task<void> detach(endpoint where) override;
    task<void> restore(endpoint where) override;
    task<void> reconcile() override;

  private:
    /// Of the packet filter's tables, in the family inet and in the family bridge.
    std::string table_name() const { return "davit_" + name_; }
    task<void> put_up_firewall();
    task<void> put_up_source_check();
    endpoint make_endpoint(io::ipv4_address address) const;

    state_store& store_;
    std::string name_;
    std::optional<io::ipv4_network> wanted_address_;
    bool containers_reach_others_;

    io::netlink kernel_;
    bridge_ports ports_;
    io::nftables packet_filter_;
    std::optional<guarded_table> firewall_;
    std::optional<guarded_table> source_check_;
    network_facts facts_;
    std::optional<address_pool> pool_;
    background guarding_{"the bridge network"};
};

} // namespace davit
