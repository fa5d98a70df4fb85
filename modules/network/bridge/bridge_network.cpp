#include "modules/network/bridge/bridge_network.h"

#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/network_id.h"
#include "core/object_id.h"
#include "modules/network/bridge/firewall.h"
#include "modules/network/bridge/source_check.h"
#include "modules/network/bridge/subnet_choice.h"

namespace davit {

namespace {

std::optional<io::ipv4_network> address_setting(const settings& config) {
    const std::string& text = config.text("bip");
    if (text.empty()) return std::nullopt;
    return parse_bridge_address("bip", text);
}

} // namespace

bridge_network::bridge_network(const module_inputs& given)
    : bridge_network{given.get<state_store>(), given.config().text("bridge"), address_setting(given.config()),
                     given.config().flag("icc")} {}

bridge_network::bridge_network(state_store& store, std::string bridge, std::optional<io::ipv4_network> address,
                               bool containers_reach_others, std::size_t ports_a_bridge)
    : store_{store},
      name_{std::move(bridge)},
      wanted_address_{address},
      containers_reach_others_{containers_reach_others},
      ports_{kernel_, name_, !containers_reach_others, ports_a_bridge} {
    check_bridge_name(name_);
}

task<void> bridge_network::start() {
    facts_.name = facts_.driver = "bridge";
    facts_.id = co_await kept_network_id(store_, facts_.name);
    co_await ports_.start(wanted_address_);
    facts_.subnet = ports_.bridge().address.whole().to_string();
    facts_.gateway = ports_.bridge().address.address.to_string();
    pool_.emplace(ports_.bridge().address);
    co_await put_up_firewall();
    co_await put_up_source_check();
    log::info("network bridge: {} with {}", name_, ports_.bridge().address.to_string());
}

task<void> bridge_network::put_up_firewall() {
    const bridge_firewall rules{name_, segment_prefix(name_), ports_.bridge().address, containers_reach_others_};
    firewall_.emplace(packet_filter_, guarded_table::family::inet, table_name(), rules.rules());
    co_await firewall_->put_up();
    guarding_.spawn(firewall_->guard());
}

task<void> bridge_network::put_up_source_check() {
    const bridge_source_check rules{ports_.bridge().address.whole(), bridge_ports::interface_prefix,
                                    segment_prefix(name_)};
    source_check_.emplace(packet_filter_, guarded_table::family::bridge, table_name(), rules.rules());
    try {
        co_await source_check_->put_up();
    } catch (const error& e) {
        // Kernels can be built without nf_tables for bridges. Nothing else depends on it.
        if (e.category() != errc::internal) throw;
        log::warn("a container of {} that may send raw packets can send them in the name of another: {}", name_,
                  e.text());
        co_return;
    }
    guarding_.spawn(source_check_->guard());
}

task<void> bridge_network::stop() {
    // Containers go on running, and need the bridge and its rules.
    co_await guarding_.end();
}

endpoint bridge_network::make_endpoint(io::ipv4_address address) const {
    endpoint made;
    made.id = new_object_id();
    made.network_id = facts_.id;
    made.network_name = facts_.name;
    made.ipv4 = address.to_string();
    made.ipv4_prefix_length = ports_.bridge().address.prefix_length;
    made.gateway = facts_.gateway;
    made.mac = io::mac_address::of(address).to_string();
    // An interface's name has 15 bytes at most.
    constexpr std::string_view prefix = bridge_ports::interface_prefix;
    made.host_interface = std::string{prefix} + made.id.substr(0, 15 - prefix.size());
    return made;
}

task<attached_endpoint> bridge_network::attach(std::int32_t pid) {
    const auto address = pool_->allocate();
    if (!address)
        throw error(errc::unavailable,
                    "all addresses of {} are in use: stop a container, or set bip to a larger subnet", facts_.subnet);
    attached_endpoint attached;
    attached.where = make_endpoint(*address);
    try {
        co_await ports_.connect(*address, attached.where.host_interface, pid);
    } catch (...) {
        pool_->release(*address);
        throw;
    }
    interface_plan inside;
    inside.name = "eth0";
    inside.addresses = {io::ipv4_network{*address, ports_.bridge().address.prefix_length}.to_string()};
    inside.gateways = {facts_.gateway};
    inside.neighbours = {{facts_.gateway, ports_.bridge().mac.to_string()}};
    attached.plan.interfaces.push_back(std::move(inside));
    co_return attached;
}

task<void> bridge_network::settle(endpoint where) {
    co_await ports_.settle(std::move(where.host_interface));
}

task<void> bridge_network::detach(endpoint where) {
    const auto address = io::ipv4_address::parse(where.ipv4);
    if (!address || !ports_.has(*address, where.host_interface)) co_return;
    co_await ports_.disconnect(*address).under(nullptr);
    pool_->release(*address);
}

task<void> bridge_network::restore(endpoint where) {
    const auto address = io::ipv4_address::parse(where.ipv4);
    if (!address || !pool_->reserve(*address))
        throw error(errc::conflict, "the address {} of {} is not free in {}", where.ipv4, where.host_interface,
                    facts_.subnet);
    ports_.restore(*address, std::move(where.host_interface));
    co_return;
}

task<void> bridge_network::reconcile() {
    co_await ports_.reconcile();
}

} // namespace davit
