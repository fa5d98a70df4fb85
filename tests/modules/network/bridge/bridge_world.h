#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "io/loop.h"
#include "modules/network/bridge/bridge_network.h"
#include "tests/io/network_world.h"
#include "tests/modules/memory_store.h"

namespace davit {

/// What the runtime does with a plan, inside a holder's namespace.
inline void configure(const namespace_holder& holder, const network_plan& plan) {
    holder.inside([&] {
        io::netlink_socket kernel;
        io::netlink_batch batch;
        batch.set_up("lo");
        for (const auto& interface : plan.interfaces) {
            const auto link = kernel.index_of(interface.name);
            if (interface.ipv6_is_quiet) batch.quiet_ipv6(interface.name);
            for (const auto& address : interface.addresses) batch.add_address(link, *io::ipv4_network::parse(address));
            batch.set_up(interface.name);
            for (const auto& neighbour : interface.neighbours)
                batch.set_neighbour(link, *io::ipv4_address::parse(neighbour.address),
                                    *io::mac_address::parse(neighbour.mac));
            for (const auto& gateway : interface.gateways) batch.add_route({{0}, 0}, *io::ipv4_address::parse(gateway));
        }
        kernel.apply(std::move(batch));
    });
}

/// A test in a network namespace of its own, with bridge networks that are gone when it ends.
class bridge_world : public testing::Test {
  protected:
    bridge_world() { enter_own_network(); }

    bridge_network& network() {
        if (!network_) network_ = &make();
        return *network_;
    }
    bridge_network& make(std::optional<io::ipv4_network> address = {}, bool icc = true, const char* bridge = "davit0") {
        made_.push_back(std::make_unique<bridge_network>(store, bridge, address, icc, ports_a_bridge));
        l.run(made_.back()->start());
        return *made_.back();
    }
    /// As after the engine was killed.
    void restart() {
        l.run(network_->stop());
        network_ = &make();
    }

    attached_endpoint attach(bridge_network& to, const namespace_holder& holder) {
        auto attached = l.run(to.attach(holder.pid()));
        configure(holder, attached.plan);
        l.run(to.settle(attached.where));
        return attached;
    }
    attached_endpoint attach(const namespace_holder& holder) { return attach(network(), holder); }

    void TearDown() override {
        for (const auto& made : made_) l.run(made->stop());
        io::nftables filter;
        for (const auto& link : io::netlink_socket{}.links())
            if (link.kind == "bridge" && link.name.find('~') == std::string::npos) // a segment has no table
                for (const char* family : {"inet", "bridge"})
                    l.run(filter.remove_table(fmt::format("{} davit_{}", family, link.name)));
        remove_own_links();
    }

    io::loop l;
    memory_store store;
    std::size_t ports_a_bridge = bridge_ports::usual_room;

  private:
    std::vector<std::unique_ptr<bridge_network>> made_;
    bridge_network* network_ = nullptr;
};

} // namespace davit
