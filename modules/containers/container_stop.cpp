// Stopping, killing and restarting a container. None of them changes the state: the process ends, and the coroutine
// that owns the container's life sees it.

#include <algorithm>
#include <csignal>

#include "core/error.h"
#include "core/timeout.h"
#include "modules/containers/container.h"
#include "modules/containers/containers_module.h"
#include "modules/containers/signal_names.h"

namespace davit {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t default_stop_timeout = 10; // seconds, Docker's
constexpr std::int64_t longest_timeout = 10 * 365 * 24 * 3600;
constexpr auto longest_kill = 10s;

bool is_alive(const container& of) {
    return of.record.state == container_state::running || of.record.state == container_state::paused;
}

void stop_restarting(container& of) {
    of.record.was_stopped_by_user = true;
    of.stop_restarting.set();
    of.released.wake_all();
}

/// Returns when this run has ended and, unless a restart follows, the state says so.
task<void> await_end(container_ptr running) {
    const std::uint64_t exits = running->exits;
    while (running->exits == exits && is_alive(*running)) co_await await_change(running);
}

} // namespace

task<void> containers_module::send_signal(container_ptr to, int number) {
    co_await runtime_.signal(to->record.id, number);
    publish(*to, "kill", {{"signal", std::to_string(number)}});
}

task<void> containers_module::kill(std::string name, std::string signal) {
    const int number = signal.empty() ? SIGKILL : parse_signal(signal);
    const auto found = index_.get(name);
    const auto refuse = [&] { throw error(errc::conflict, "container {} is not running", found->record.id); };
    if (found->record.state == container_state::restarting && number == SIGKILL) {
        stop_restarting(*found);
        co_return;
    }
    if (!is_alive(*found)) refuse();
    if (number == SIGKILL ||
        number == parse_signal(found->record.config.stop_signal.empty() ? "TERM" : found->record.config.stop_signal)) {
        // What a user ends stays ended, whatever the restart policy.
        found->record.was_stopped_by_user = true;
        records_.put(found->record);
    }
    bool has_ended = false;
    try {
        co_await send_signal(found, number);
    } catch (const error& e) {
        if (e.category() != errc::not_found) throw;
        has_ended = true;
    }
    if (has_ended) refuse();
    // Docker's kill returns only when a killed container is no longer running.
    if (number == SIGKILL) co_await with_timeout(longest_kill, "the end of a killed container", await_end(found));
}

task<bool> containers_module::stop(std::string name, std::optional<std::int64_t> timeout, std::string signal) {
    const auto found = index_.get(name);
    if (!signal.empty()) parse_signal(signal);
    if (found->record.state == container_state::restarting) {
        stop_restarting(*found);
        while (found->record.state == container_state::restarting) co_await await_change(found);
        co_return true;
    }
    if (!is_alive(*found)) co_return false;
    found->record.was_stopped_by_user = true;
    records_.put(found->record);
    co_await stop_process(found, timeout, std::move(signal));
    publish(*found, "stop");
    co_return true;
}

task<void> containers_module::stop_process(container_ptr running, std::optional<std::int64_t> timeout,
                                           std::string signal) {
    const container_config& config = running->record.config;
    if (signal.empty()) signal = config.stop_signal.empty() ? "TERM" : config.stop_signal;
    const std::int64_t seconds = timeout.value_or(config.stop_timeout.value_or(default_stop_timeout));
    try {
        co_await send_signal(running, parse_signal(signal));
        if (seconds < 0)
            co_await await_end(running);
        else
            co_await with_timeout(std::chrono::seconds{std::min(seconds, longest_timeout)}, "stopping a container",
                                  await_end(running));
        co_return;
    } catch (const error& e) {
        // not_found: it has ended, and its life is about to say so.
        if (e.category() != errc::timed_out && e.category() != errc::not_found) throw;
    }
    if (is_alive(*running)) {
        try {
            co_await send_signal(running, SIGKILL);
        } catch (const error& e) {
            if (e.category() != errc::not_found) throw;
        }
    }
    co_await with_timeout(longest_kill, "the end of a killed container", await_end(running));
}

task<void> containers_module::restart(std::string name, std::optional<std::int64_t> timeout, std::string signal) {
    const auto found = index_.get(name);
    if (!signal.empty()) parse_signal(signal);
    found->is_kept_once = is_alive(*found);
    try {
        co_await stop(name, timeout, std::move(signal));
    } catch (...) {
        found->is_kept_once = false; // no restart is under way any more
        throw;
    }
    co_await start(found->record.id);
    publish(*found, "restart");
}

task<void> containers_module::resize(std::string name, std::uint16_t rows, std::uint16_t columns) {
    const auto found = index_.get(name);
    if (!is_alive(*found)) throw error(errc::conflict, "container {} is not running", found->record.id);
    co_await runtime_.resize(found->record.id, rows, columns);
    publish(*found, "resize", {{"height", std::to_string(rows)}, {"width", std::to_string(columns)}});
}

} // namespace davit
