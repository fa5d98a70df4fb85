#include "modules/network/bridge/bridge_ports.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"

namespace davit {

namespace {

/// Of a port that is off the bridge.
constexpr int nowhere = -1;

} // namespace

bridge_ports::bridge_ports(io::netlink& kernel, std::string bridge, bool are_isolated, std::size_t room)
    : kernel_{kernel}, name_{std::move(bridge)}, are_isolated_{are_isolated}, room_{room} {
    places_[0];
}

task<void> bridge_ports::start(std::optional<io::ipv4_network> wanted) {
    bridge_ = co_await kernel_.run([&](io::netlink_socket& kernel) { return set_up_bridge(kernel, name_, wanted); });
}

bridge_connection bridge_ports::connection_of(std::uint32_t address) const {
    const port& one = ports_.at(address);
    const auto where = places_.find(one.place);
    return {.bridge = bridge_.index,
            .bridge_name = name_,
            .segment = where == places_.end() ? std::nullopt : where->second.segment,
            .host_interface = one.interface,
            .address = {address},
            .mac = io::mac_address::of({address}),
            .is_isolated = are_isolated_};
}

void bridge_ports::note(io::ipv4_address address, std::string interface, int where) {
    ports_.emplace(address.value, port{std::move(interface), nowhere});
    move(address.value, where);
}

void bridge_ports::move(std::uint32_t address, int where) {
    port& moved = ports_.at(address);
    if (const auto from = places_.find(moved.place); from != places_.end()) --from->second.ports;
    moved.place = where;
    if (const auto to = places_.find(where); to != places_.end()) ++to->second.ports;
}

void bridge_ports::forget(std::uint32_t address) {
    move(address, nowhere);
    ports_.erase(address);
}

std::optional<int> bridge_ports::find_room() const {
    for (const auto& [number, where] : places_)
        if (where.ports < room_) return number;
    return std::nullopt;
}

task<int> bridge_ports::make_room() {
    if (!find_room() && !segment_prefix(name_).empty() && places_.size() <= most_segments)
        co_await make_segment_place();
    if (const auto free = find_room()) co_return *free;
    co_return std::min_element(places_.begin(), places_.end(), [](const auto& one, const auto& other) {
        return one.second.ports < other.second.ports;
    })->first;
}

task<void> bridge_ports::make_segment_place() {
    segment_device made;
    try {
        made = co_await kernel_.run(
            [&](io::netlink_socket& kernel) { return make_segment(kernel, name_, bridge_, are_isolated_); });
    } catch (const error& e) {
        if (e.category() == errc::cancelled || e.category() == errc::not_found) throw;
        log::warn("{} gets no further segment, and more than {} ports on a bridge: {}", name_, room_, e.text());
        co_return;
    }
    co_await await_forwarding({segment_device::upper_end(made.name), segment_device::lower_end(made.name)})
        .under(nullptr);
    places_.emplace(made.number, place{made});
    log::info("{}: {} ports, and a segment for {} more, {}", name_, ports_.size(), room_, made.name);
}

task<void> bridge_ports::connect(io::ipv4_address address, std::string interface, std::int32_t pid) {
    note(address, std::move(interface), nowhere);
    try {
        const std::size_t state = repairs_;
        std::exception_ptr failure;
        try {
            co_await make_port(address.value, pid);
        } catch (const error&) {
            failure = std::current_exception();
        }
        if (!failure) co_return;
        // For all who are on the bridge: whoever asked for this connection may be gone before it is done.
        if (!co_await repair(state).under(nullptr)) std::rethrow_exception(failure);
        co_await make_port(address.value, pid);
    } catch (...) {
        forget(address.value);
        throw;
    }
}

task<void> bridge_ports::make_port(std::uint32_t address, std::int32_t pid) {
    if (ports_.at(address).place == nowhere) {
        if (const auto free = find_room()) {
            move(address, *free);
        } else {
            const auto turn = co_await changing_places_.acquire();
            move(address, co_await make_room());
        }
    }
    bridge_connection connection = connection_of(address);
    connection.pid = pid;
    co_await kernel_.run([&](io::netlink_socket& kernel) { connect_sandbox(kernel, connection); });
}

task<void> bridge_ports::settle(std::string interface) {
    co_await await_forwarding({std::move(interface)});
}

task<void> bridge_ports::await_forwarding(std::vector<std::string> interfaces) {
    // A carrier is told of by a kernel worker, some milliseconds after the sandbox's end went up: until then the bridge
    // drops what the port sends and, when this is the first port, what the host sends. From Linux 6.8 on asking is
    // enough.
    for (int tries = 0; tries < 1000; ++tries) {
        const bool has_settled = co_await kernel_.run([&](io::netlink_socket& kernel) {
            const auto bridge = kernel.find_link(name_);
            if (!bridge) return true;
            return std::all_of(interfaces.begin(), interfaces.end(), [&](const std::string& interface) {
                const auto port = kernel.find_link(interface);
                return !port || (port->is_running && port->is_forwarding && bridge->is_running);
            });
        });
        if (has_settled) co_return;
        co_await sleep_for(std::chrono::milliseconds{1});
    }
    log::warn("{} does not pass packets after a second", interfaces.front());
}

bool bridge_ports::has(io::ipv4_address address, const std::string& interface) const {
    const auto at = ports_.find(address.value);
    return at != ports_.end() && at->second.interface == interface;
}

task<void> bridge_ports::disconnect(io::ipv4_address address) {
    if (!ports_.contains(address.value)) co_return;
    const bridge_connection gone = connection_of(address.value);
    forget(address.value);
    co_await kernel_.run([&](io::netlink_socket& kernel) { disconnect_sandbox(kernel, gone); });
    if (spare_segment() == 0) co_return;
    const auto turn = co_await changing_places_.acquire();
    co_await remove_spare_segments();
}

int bridge_ports::spare_segment() const {
    std::size_t room_everywhere = 0;
    for (const auto& [number, where] : places_) room_everywhere += room_ - std::min(room_, where.ports);
    const auto empty = std::find_if(places_.rbegin(), places_.rend(),
                                    [](const auto& entry) { return entry.first != 0 && entry.second.ports == 0; });
    return empty != places_.rend() && room_everywhere - room_ >= room_ / 2 ? empty->first : 0;
}

task<void> bridge_ports::remove_spare_segments() {
    while (const int number = spare_segment()) {
        const std::string name = places_.at(number).segment->name;
        places_.erase(number);
        co_await kernel_.run([&](io::netlink_socket& kernel) { remove_segment(kernel, name); });
    }
}

task<bool> bridge_ports::repair(std::size_t state) {
    const auto turn = co_await changing_places_.acquire();
    if (repairs_ != state) co_return true;
    const auto links = co_await kernel_.run([](io::netlink_socket& kernel) { return kernel.links(); });
    const bool has_bridge = std::any_of(links.begin(), links.end(), [&](const io::link_info& link) {
        return link.index == bridge_.index && link.name == name_;
    });
    const auto found = find_segments(links, name_, bridge_.index);
    const bool has_segments = std::all_of(places_.begin(), places_.end(), [&](const auto& entry) {
        const auto seen = found.find(entry.first);
        return entry.first == 0 || (seen != found.end() && seen->second == entry.second.segment);
    });
    if (has_bridge && has_segments) co_return false;
    log::warn("{} {} was deleted by somebody; making it anew", has_bridge ? "a segment of the bridge" : "the bridge",
              name_);
    if (!has_bridge) co_await renew_bridge();
    co_await reconcile_in_turn();
    ++repairs_;
    co_return true;
}

task<void> bridge_ports::renew_bridge() {
    bridge_ = co_await kernel_.run([&, before = bridge_](io::netlink_socket& kernel) {
        auto anew = set_up_bridge(kernel, name_, before.address);
        if (anew.mac != before.mac) {
            // Which the others know for good.
            io::netlink_batch change;
            change.set_mac(anew.index, before.mac);
            kernel.apply(std::move(change));
            anew.mac = before.mac;
        }
        return anew;
    });
}

void bridge_ports::restore(io::ipv4_address address, std::string interface) {
    note(address, std::move(interface), nowhere);
}

task<void> bridge_ports::reconcile() {
    const auto turn = co_await changing_places_.acquire();
    co_await reconcile_in_turn();
}

task<void> bridge_ports::reconcile_in_turn() {
    const auto links = co_await kernel_.run([](io::netlink_socket& kernel) { return kernel.links(); });
    const auto neighbours = co_await kernel_.run([](io::netlink_socket& kernel) { return kernel.neighbours(); });
    // Compared here and now: a connect that has begun meanwhile has noted its interface before it made it.
    const auto leftovers = take_segments(links);
    const findings found = take_ports(links);
    io::netlink_batch changes = correct_entries(neighbours);
    for (const auto& interface : found.nobodys) changes.remove_link(interface);
    // An engine with another `icc` may have made them: what a segment's containers may is for its uplink as well.
    for (const auto& [number, where] : places_)
        if (where.segment)
            changes.set_quiet_port(segment_device::upper_end(where.segment->name), sandbox_port(are_isolated_));
    // A namespace that ends meanwhile takes its interface along.
    try {
        co_await kernel_.run([&](io::netlink_socket& kernel) { kernel.apply(std::move(changes)); });
    } catch (const error& e) {
        if (e.system_errno() != ENODEV && e.system_errno() != ENOENT) throw;
    }
    if (!found.nobodys.empty())
        log::info("removed {} interfaces of {} that no container owns", found.nobodys.size(), name_);
    for (const auto& segment : leftovers)
        co_await kernel_.run([&](io::netlink_socket& kernel) { remove_segment(kernel, segment); });
    co_await reconnect(found.lost);
    co_await remove_spare_segments();
}

std::vector<std::string> bridge_ports::take_segments(const std::vector<io::link_info>& links) {
    std::erase_if(places_, [](const auto& entry) { return entry.first != 0; });
    std::vector<std::string> leftovers;
    for (const auto& [number, segment] : find_segments(links, name_, bridge_.index)) {
        if (segment)
            places_.emplace(number, place{segment});
        else
            leftovers.push_back(segment_name(name_, number));
    }
    places_.at(0).ports = 0;
    for (auto& [address, one] : ports_) {
        const auto where = places_.find(one.place);
        if (where == places_.end())
            one.place = nowhere;
        else
            ++where->second.ports;
    }
    return leftovers;
}

std::map<std::uint32_t, int> bridge_ports::places_by_bridge() const {
    std::map<std::uint32_t, int> numbers;
    for (const auto& [number, where] : places_)
        numbers.emplace(where.segment ? where.segment->bridge : bridge_.index, number);
    return numbers;
}

bridge_ports::findings bridge_ports::take_ports(const std::vector<io::link_info>& links) {
    findings found;
    const auto places = places_by_bridge();
    const std::string segments = segment_prefix(name_);
    std::unordered_map<std::string_view, std::uint32_t> known;
    for (const auto& [address, one] : ports_) known.emplace(one.interface, address);
    for (const auto& link : links) {
        const auto where = places.find(link.master);
        if (const auto at = known.find(link.name); at != known.end()) {
            move(at->second, where == places.end() ? nowhere : where->second);
            if (where == places.end()) found.lost.push_back(at->second);
            continue;
        }
        // Only ports of this bridge: another engine on this host has interfaces of the same form on its own.
        if (where != places.end() && link.name.starts_with(interface_prefix) &&
            (segments.empty() || !link.name.starts_with(segments)))
            found.nobodys.push_back(link.name);
    }
    return found;
}

io::netlink_batch bridge_ports::correct_entries(const std::vector<io::neighbour_info>& neighbours) const {
    io::netlink_batch changes;
    const auto places = places_by_bridge();
    std::unordered_set<std::uint32_t> entered;
    for (const auto& neighbour : neighbours) {
        const auto where = places.find(neighbour.link);
        if (where == places.end() || !neighbour.is_permanent) continue;
        const auto at = ports_.find(neighbour.address.value);
        if (at != ports_.end() && where->second == 0) {
            entered.insert(neighbour.address.value);
        } else if (at == ports_.end() || at->second.place != where->second) {
            changes.remove_neighbour(neighbour.link, neighbour.address);
            if (const auto& segment = places_.at(where->second).segment)
                changes.remove_forwarding(segment->uplink, io::mac_address::of(neighbour.address));
        }
    }
    for (const auto& [address, one] : ports_)
        if (!entered.contains(address)) changes.set_neighbour(bridge_.index, {address}, io::mac_address::of({address}));
    return changes;
}

task<void> bridge_ports::reconnect(std::vector<std::uint32_t> addresses) {
    if (!addresses.empty())
        log::warn("{} interfaces are off the bridge {}, which somebody has deleted; connecting them again",
                  addresses.size(), name_);
    for (const std::uint32_t address : addresses) {
        const int where = co_await make_room();
        if (!ports_.contains(address)) continue;
        move(address, where);
        const auto connection = connection_of(address);
        co_await kernel_.run([&](io::netlink_socket& kernel) { reconnect_sandbox(kernel, connection); });
    }
}

} // namespace davit
