#include "modules/sandboxes/sandbox_stock.h"

#include <algorithm>
#include <cerrno>
#include <exception>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"

namespace davit {

namespace {

using namespace std::chrono_literals;

/// How long starts have the machine for themselves after a take; one that takes longer waits for something else.
constexpr auto longest_start = 1s;
/// Takes within this time size the stock.
constexpr auto memory_of_demand = 10s;
/// The stock empties when nothing was taken for so long.
constexpr auto quiet_time = 60s;
/// After one could not be made, so that a fault that stays does not burn the machine.
constexpr auto pause_after_failure = 1s;

} // namespace

sandbox_stock::sandbox_stock(const module_inputs& given)
    : sandbox_stock{
          given.get<runtime>(), given.all<network_driver>(),
          static_cast<std::size_t>(std::clamp<std::int64_t>(given.config().number("sandbox-stock"), 0, 256))} {}

sandbox_stock::sandbox_stock(runtime& runs, driver_set<network_driver> networks, std::size_t most)
    : runtime_{runs}, networks_{std::move(networks)}, most_{most} {}

task<void> sandbox_stock::start() {
    if (most_ == 0) co_return;
    keeping_.spawn(keep_filled());
    keeping_.spawn(empty_when_quiet());
}

task<void> sandbox_stock::stop() {
    co_await keeping_.end();
    co_await discard_all();
}

std::size_t sandbox_stock::size() const noexcept {
    std::size_t count = 0;
    for (const auto& [name, of] : shelves_) count += of.ready.size();
    return count;
}

task<ready_sandbox> sandbox_stock::take(sandbox_request request) {
    if (most_ == 0) co_return co_await make(std::move(request));
    shelf& from = shelves_[{request.network, request.shape}];
    last_take_ = clock::now();
    from.takes.push_back(last_take_);
    taken_.set();
    if (auto first = take_ready(from)) co_return std::move(*first);
    try {
        co_return co_await make(request);
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
    }
    // What is lacking, the last address say, the stock may have, or what is just being made for it; and it makes no
    // other meanwhile.
    const counted here{lacking_, start_ended_};
    while (is_filling_) co_await filled_.wait();
    if (auto first = take_ready(from)) co_return std::move(*first);
    co_await discard_all();
    co_return co_await make(std::move(request));
}

std::optional<ready_sandbox> sandbox_stock::take_ready(shelf& from) {
    while (!from.ready.empty()) {
        ready_sandbox first = std::move(from.ready.front());
        from.ready.pop_front();
        if (runtime_.is_waiting(first.sandbox)) return first;
        keeping_.spawn(discard(std::move(first)));
    }
    return std::nullopt;
}

task<void> sandbox_stock::discard(ready_sandbox unused) {
    std::exception_ptr failure; // The address is given back all the same.
    try {
        co_await runtime_.discard_sandbox(unused.sandbox);
    } catch (const error& e) {
        // A shim that has gone took its sandboxes along.
        if (e.category() != errc::not_found && e.category() != errc::unavailable) failure = std::current_exception();
    }
    if (network_driver* network = networks_.find(unused.where.network_name)) co_await network->detach(unused.where);
    if (failure) std::rethrow_exception(failure);
}

task<ready_sandbox> sandbox_stock::make(sandbox_request request) {
    network_driver* const network = networks_.find(request.network);
    if (!network) throw error(errc::not_found, "network {} not found", request.network);
    request.shape.own_network = network->has_own_namespace();
    rollback undo;
    co_return co_await with_rollback(undo, make_steps(std::move(request), *network, undo));
}

task<ready_sandbox> sandbox_stock::make_steps(sandbox_request request, network_driver& network, rollback& undo) {
    const sandbox_ref sandbox = co_await runtime_.make_sandbox(request.shape);
    undo.add([this, sandbox] { return runtime_.discard_sandbox(sandbox); });
    attached_endpoint attached;
    try {
        attached = co_await network.attach(sandbox.pid);
    } catch (const error& e) {
        if (e.system_errno() != ESRCH) throw;
        throw error(errc::unavailable, "the sandbox is gone with the runtime that made it: {}", e.text());
    }
    undo.add([&network, where = attached.where] { return network.detach(where); });
    if (!attached.plan.interfaces.empty()) {
        co_await runtime_.configure_network(sandbox, std::move(attached.plan));
        co_await network.settle(attached.where);
    }
    co_return ready_sandbox{sandbox, std::move(attached.where)};
}

std::size_t sandbox_stock::wanted(shelf& of, clock::time_point now) const {
    while (!of.takes.empty() && (now - of.takes.front() > memory_of_demand || of.takes.size() > most_))
        of.takes.pop_front();
    return of.takes.size();
}

const sandbox_stock::shape_name* sandbox_stock::find_wanting(clock::time_point now) {
    for (auto& [name, of] : shelves_)
        if (of.ready.size() < wanted(of, now)) return &name;
    return nullptr;
}

bool sandbox_stock::must_pause() const {
    return lacking_ > 0 || (starts_under_way() > 0 && clock::now() - last_take_ < longest_start);
}

task<void> sandbox_stock::until_quiet() {
    while (must_pause()) co_await until_a_start_ends(longest_start);
}

task<void> sandbox_stock::keep_filled() {
    for (;;) {
        co_await taken_.wait();
        co_await until_quiet();
        co_await sleep_for(0ms); // The answer to the start that has just ended goes out before
        const shape_name* const found = find_wanting(clock::now());
        if (!found) {
            taken_.reset();
            continue;
        }
        const shape_name name = *found;
        bool has_failed = false;
        is_filling_ = true;
        try {
            ready_sandbox made = co_await make({name.first, name.second});
            shelves_[name].ready.push_back(std::move(made));
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            log::warn("making a sandbox for the stock: {}", e.what());
            has_failed = true;
        }
        is_filling_ = false;
        filled_.wake_all();
        if (has_failed) co_await sleep_for(pause_after_failure);
    }
}

task<void> sandbox_stock::empty_when_quiet() {
    for (;;) {
        const auto left = last_take_ + quiet_time - clock::now();
        if (left <= clock::duration::zero()) co_await discard_all();
        co_await sleep_for(left <= clock::duration::zero() ? quiet_time : left);
    }
}

task<void> sandbox_stock::discard_all() {
    for (auto& [name, of] : shelves_) {
        while (!of.ready.empty()) {
            ready_sandbox last = std::move(of.ready.back());
            of.ready.pop_back();
            try {
                co_await discard(std::move(last));
            } catch (const error& e) {
                if (e.category() == errc::cancelled) throw;
                log::warn("discarding a sandbox of the stock: {}", e.what());
            }
        }
    }
}

} // namespace davit
