#include "modules/network/bridge/bridge_network.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "core/network_id.h"
#include "core/object_id.h"
#include "core/timeout.h"
#include "modules/network/bridge/firewall.h"
#include "modules/network/bridge/source_check.h"
#include "modules/network/bridge/subnet_choice.h"

namespace davit {

namespace {

constexpr std::string_view interface_prefix = "davit-";

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
                               bool containers_reach_others)
    : store_{store},
      name_{std::move(bridge)},
      wanted_address_{address},
      containers_reach_others_{containers_reach_others} {
    check_bridge_name(name_);
}

task<void> bridge_network::start() {
    facts_.name = facts_.driver = "bridge";
    facts_.id = co_await kept_network_id(store_, facts_.name);
    bridge_ =
        co_await kernel_.run([&](io::netlink_socket& kernel) { return set_up_bridge(kernel, name_, wanted_address_); });
    facts_.subnet = bridge_.address.whole().to_string();
    facts_.gateway = bridge_.address.address.to_string();
    pool_.emplace(bridge_.address);
    co_await put_up_firewall();
    co_await put_up_source_check();
    log::info("network bridge: {} with {}", name_, bridge_.address.to_string());
}

task<void> bridge_network::put_up_firewall() {
    const bridge_firewall rules{name_, bridge_.address, containers_reach_others_};
    firewall_.emplace(packet_filter_, guarded_table::family::inet, table_name(), rules.rules());
    co_await firewall_->put_up();
    guarding_.spawn(firewall_->guard());
}

task<void> bridge_network::put_up_source_check() {
    const bridge_source_check rules{bridge_.address.whole(), interface_prefix};
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
    made.ipv4_prefix_length = bridge_.address.prefix_length;
    made.gateway = facts_.gateway;
    made.mac = io::mac_address::of(address).to_string();
    // An interface's name has 15 bytes at most.
    made.host_interface = std::string{interface_prefix} + made.id.substr(0, 15 - interface_prefix.size());
    return made;
}

bridge_connection bridge_network::connection_to(io::ipv4_address address, std::string host_interface) const {
    return {.bridge = bridge_.index,
            .bridge_name = name_,
            .host_interface = std::move(host_interface),
            .address = address,
            .mac = io::mac_address::of(address),
            .is_isolated = !containers_reach_others_};
}

std::vector<bridge_connection> bridge_network::connections() const {
    std::vector<bridge_connection> all;
    for (const auto& [address, interface] : interfaces_) all.push_back(connection_to({address}, interface));
    return all;
}

task<void> bridge_network::connect(bridge_connection connection) {
    const auto on_worker = [&](io::netlink_socket& kernel) { connect_sandbox(kernel, connection); };
    std::exception_ptr failure;
    try {
        co_await kernel_.run(on_worker);
    } catch (const error&) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    const auto bridge = co_await kernel_.run([&](io::netlink_socket& kernel) { return kernel.find_link(name_); });
    if (bridge && bridge->index == connection.bridge) std::rethrow_exception(failure);
    if (!bridge || bridge->index != bridge_.index) co_await renew_bridge(); // or another attach has
    connection.bridge = bridge_.index;
    co_await kernel_.run(on_worker);
}

task<void> bridge_network::renew_bridge() {
    log::warn("the bridge {} was deleted by somebody; making it anew", name_);
    auto others = connections();
    bridge_ = co_await kernel_.run([&, before = bridge_](io::netlink_socket& kernel) {
        auto anew = set_up_bridge(kernel, name_, before.address);
        if (anew.mac != before.mac) {
            // Which the others know for good.
            io::netlink_batch change;
            change.set_mac(anew.index, before.mac);
            kernel.apply(std::move(change));
            anew.mac = before.mac;
        }
        for (auto& other : others) {
            other.bridge = anew.index;
            reconnect_sandbox(kernel, other);
        }
        return anew;
    });
}

task<attached_endpoint> bridge_network::attach(std::int32_t pid) {
    const auto address = pool_->allocate();
    if (!address)
        throw error(errc::unavailable,
                    "all addresses of {} are in use: stop a container, or set bip to a larger subnet", facts_.subnet);
    attached_endpoint attached;
    attached.where = make_endpoint(*address);
    auto connection = connection_to(*address, attached.where.host_interface);
    connection.pid = pid;
    interfaces_.emplace(address->value, attached.where.host_interface);
    try {
        co_await connect(std::move(connection));
    } catch (...) {
        interfaces_.erase(address->value);
        pool_->release(*address);
        throw;
    }
    interface_plan inside;
    inside.name = "eth0";
    inside.addresses = {io::ipv4_network{*address, bridge_.address.prefix_length}.to_string()};
    inside.gateways = {facts_.gateway};
    inside.neighbours = {{facts_.gateway, bridge_.mac.to_string()}};
    attached.plan.interfaces.push_back(std::move(inside));
    co_return attached;
}

task<void> bridge_network::settle(endpoint where) {
    // A carrier is told of by a kernel worker, some milliseconds after the sandbox's end went up: until then the bridge
    // drops what the port sends and, when this is the first port, what the host sends. From Linux 6.8 on asking is
    // enough.
    for (int tries = 0; tries < 1000; ++tries) {
        const bool has_settled = co_await kernel_.run([&](io::netlink_socket& kernel) {
            const auto port = kernel.find_link(where.host_interface);
            const auto bridge = kernel.find_link(name_);
            return !port || !bridge || (port->is_running && port->is_forwarding && bridge->is_running);
        });
        if (has_settled) co_return;
        co_await sleep_for(std::chrono::milliseconds{1});
    }
    log::warn("{} does not pass packets after a second", where.host_interface);
}

task<void> bridge_network::detach(endpoint where) {
    const auto address = io::ipv4_address::parse(where.ipv4);
    const auto at = address ? interfaces_.find(address->value) : interfaces_.end();
    if (at == interfaces_.end() || at->second != where.host_interface) co_return;
    // The veth pair goes with the namespace: deleting it would wait for the kernel, tens of milliseconds. Until then
    // its forwarding entry is harmless, and the next owner of the address moves it to its own port.
    interfaces_.erase(at);
    try {
        co_await kernel_
            .run([&](io::netlink_socket& kernel) {
                io::netlink_batch forget;
                forget.remove_neighbour(bridge_.index, *address);
                kernel.apply(std::move(forget));
            })
            .under(nullptr);
    } catch (const error& e) {
        if (e.category() != errc::not_found) log::warn("detaching {}: {}", where.host_interface, e.text());
    }
    pool_->release(*address);
}

task<void> bridge_network::restore(endpoint where) {
    const auto address = io::ipv4_address::parse(where.ipv4);
    if (!address || !pool_->reserve(*address))
        throw error(errc::conflict, "the address {} of {} is not free in {}", where.ipv4, where.host_interface,
                    facts_.subnet);
    interfaces_.emplace(address->value, std::move(where.host_interface));
    co_return;
}

task<void> bridge_network::reconcile() {
    const auto links = co_await kernel_.run([](io::netlink_socket& kernel) { return kernel.links(); });
    const auto neighbours = co_await kernel_.run([](io::netlink_socket& kernel) { return kernel.neighbours(); });
    // Compared here and now: an attach that has begun meanwhile has noted its interface before it made it.
    std::unordered_set<std::string_view> known;
    for (const auto& [address, name] : interfaces_) known.insert(name);
    io::netlink_batch changes;
    std::size_t removed = 0;
    std::unordered_set<std::string_view> off_the_bridge;
    for (const auto& link : links) {
        if (link.master != bridge_.index && known.contains(link.name)) off_the_bridge.insert(link.name);
        // Only ports of this bridge: another engine on this host has interfaces of the same form on its own.
        if (link.master != bridge_.index || !link.name.starts_with(interface_prefix) || known.contains(link.name))
            continue;
        changes.remove_link(link.name);
        ++removed;
    }
    std::unordered_set<std::uint32_t> entered;
    for (const auto& neighbour : neighbours) {
        if (neighbour.link != bridge_.index || !neighbour.is_permanent) continue;
        if (interfaces_.contains(neighbour.address.value))
            entered.insert(neighbour.address.value);
        else
            changes.remove_neighbour(bridge_.index, neighbour.address);
    }
    for (const auto& [address, name] : interfaces_)
        if (!entered.contains(address)) changes.set_neighbour(bridge_.index, {address}, io::mac_address::of({address}));
    // A namespace that ends meanwhile takes its interface along.
    try {
        co_await kernel_.run([&](io::netlink_socket& kernel) { kernel.apply(std::move(changes)); });
    } catch (const error& e) {
        if (e.system_errno() != ENODEV && e.system_errno() != ENOENT) throw;
    }
    for (const auto& port : connections()) {
        if (!off_the_bridge.contains(port.host_interface)) continue;
        log::warn("{} is off the bridge {}, which somebody has deleted; connecting it again", port.host_interface,
                  name_);
        co_await kernel_.run([&](io::netlink_socket& kernel) { reconnect_sandbox(kernel, port); });
    }
    if (removed > 0) log::info("removed {} interfaces of {} that no container owns", removed, name_);
}

} // namespace davit
