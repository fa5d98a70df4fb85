#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"
#include "modules/runtime/native/native_runtime.h"
#include "modules/runtime/native/orphan.h"

// The runtime's shims: the one that it finds or starts, those that it lets go or loses, and the processes that it takes
// over from them.
namespace davit {

using shim_protocol::encode;
using shim_protocol::message_type;

namespace {

/// In which a shim that is well has started, greeted, or ended when asked to, however busy the host.
constexpr std::chrono::seconds longest_greeting{10};

/// How long a shim that hangs may hold up the end of the engine.
constexpr std::chrono::seconds longest_farewell{2};

/// After which an orphan that could not be held, for want of descriptors say, is tried to be held again.
constexpr std::chrono::seconds until_next_try{1};

exit_status status_of(const shim_protocol::exited& end) {
    return {end.code, end.was_oom_killed, true, time_of(end.finished_at)};
}

} // namespace

task<native_runtime::connection> native_runtime::connected() {
    if (connection_ && !connection_->is_lost()) co_return connection_;
    const auto turn = co_await connecting_.acquire();
    if (connection_ && !connection_->is_lost()) co_return connection_;
    co_return co_await connect();
}

task<std::optional<shim_protocol::hello>> native_runtime::greet(shim_connection& with) {
    try {
        co_return co_await with_timeout(std::min<std::chrono::milliseconds>(patience_, longest_greeting),
                                        "the greeting of davit-shim", with.greet());
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
    }
    co_return std::nullopt;
}

task<void> native_runtime::await_end(connection of) {
    while (!of->is_lost()) co_await sleep_for(std::chrono::milliseconds{1});
}

task<native_runtime::connection> native_runtime::connect() {
    if (connection_) orphan(connection_->generation());
    for (int attempt = 0; attempt < 20; ++attempt) {
        auto socket = connect_to_shim(program_.socket);
        if (!socket) {
            co_await with_timeout(longest_greeting, "the start of davit-shim", start_shim(program_));
            socket = connect_to_shim(program_.socket);
            if (!socket)
                throw error(errc::unavailable, "davit-shim started and does not listen at {}", program_.socket);
        }
        auto made = std::make_shared<shim_connection>(std::move(*socket), ++generations_, patience_);
        const auto theirs = co_await greet(*made);
        if (!theirs) { // It was ending just then
            co_await sleep_for(std::chrono::milliseconds{5});
            continue;
        }
        running_.spawn(serve(made));
        if (theirs->version == shim_protocol::version) {
            co_await adopt(made);
            connection_ = made;
            co_return made;
        }
        log::info("replacing davit-shim of protocol version {} by one of version {}", theirs->version,
                  shim_protocol::version);
        try {
            co_await made->ask(message_type::quit_if_idle, {});
        } catch (error& e) {
            e.while_doing(
                "replacing davit-shim of another version (stop its containers, or use the engine that started "
                "them)");
            throw;
        }
        co_await with_timeout(longest_greeting, "the end of davit-shim of another version", await_end(made));
    }
    throw error(errc::unavailable, "davit-shim at {} ends or changes its version again and again", program_.socket);
}

task<void> native_runtime::serve(connection to) {
    bool is_ending = false;
    try {
        co_await to->receive([this](const shim_protocol::exited& exit) { note_exit(exit); });
    } catch (const error& e) {
        is_ending = e.category() == errc::cancelled;
    }
    if (is_ending) co_return;
    if (to == connection_) log::warn("davit-shim has ended; its containers run on without it");
    orphan(to->generation());
}

void native_runtime::orphan(std::uint64_t generation) {
    for (auto& process : processes_.all()) {
        if (process->ended || process->is_orphan || process->connection != generation) continue;
        process->is_orphan = true;
        running_.spawn(watch_orphan(std::move(process)));
    }
}

task<void> native_runtime::watch_orphan(process_table::entry process) {
    for (bool has_ended = false; !has_ended && process->is_orphan;) {
        try {
            if (auto pidfd = open_orphan(process->pid, process->started_after, process->cgroup_path))
                co_await wait_for_orphan(std::move(pidfd));
            has_ended = true;
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            log::warn("container {} runs on without davit-shim, and is not watched yet: {}", process->container_id,
                      e.text());
        }
        if (!has_ended) co_await sleep_for(until_next_try);
    }
    // Unless a shim was found again that tells of it.
    if (process->is_orphan)
        process_table::end(*process, {128 + SIGKILL, false, false, std::chrono::system_clock::now()});
}

/// Learns what a shim holds that this engine has not launched itself, and what ended while nobody listened.
task<void> native_runtime::adopt(connection from) {
    exits_before_adoption_.emplace();
    shim_protocol::process_list list;
    std::exception_ptr failure;
    try {
        list = (co_await from->ask(message_type::list, encode(shim_protocol::nothing{})))
                   .as<shim_protocol::process_list>();
    } catch (...) {
        failure = std::current_exception();
    }
    const auto early = std::exchange(exits_before_adoption_, std::nullopt);
    if (failure) std::rethrow_exception(failure);
    for (const auto& held : list.processes) {
        const auto process = processes_.add(held.id);
        process->pid = held.pid;
        process->connection = from->generation();
        process->is_orphan = false;
        process->started_at = time_of(held.started_at);
        process->started_after = held.started_after;
        process->cgroup_path = held.cgroup_path;
        if (held.has_ended) process_table::end(*process, status_of(held.end));
    }
    for (const auto& exit : *early) note_exit(exit);
    if (from->is_lost()) orphan(from->generation()); // which was done before they were known
}

void native_runtime::note_exit(const shim_protocol::exited& exit) {
    if (const auto process = processes_.find(exit.id))
        process_table::end(*process, status_of(exit));
    else if (exits_before_adoption_)
        exits_before_adoption_->push_back(exit);
}

task<std::pair<native_runtime::connection, shim_connection::answer>> native_runtime::ask_any(message_type type,
                                                                                             std::string payload) {
    auto to = co_await connected();
    bool is_gone = false;
    try {
        auto answer = co_await to->ask(type, payload);
        co_return std::pair{to, std::move(answer)};
    } catch (const error& e) {
        is_gone = e.category() == errc::unavailable && to->is_lost();
        if (!is_gone) throw;
    }
    to = co_await connected();
    auto answer = co_await to->ask(type, std::move(payload));
    co_return std::pair{to, std::move(answer)};
}

/// A shim that holds no container has nothing to stay for; whether it does, it says itself.
task<void> native_runtime::let_shim_go() {
    if (!connection_) co_return;
    if (connection_->is_lost()) {
        // What the sandboxes of a lost shim left is swept by another.
        try {
            co_await connected();
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            log::warn("what a lost davit-shim left stays until the engine comes back: {}", e.text());
        }
        if (connection_->is_lost()) co_return;
    }
    const auto to = std::exchange(connection_, nullptr); // so that its end is not taken for a loss
    if (!co_await running_.run_for(longest_farewell, ask_to_quit(to))) log::warn("davit-shim does not answer");
}

task<void> native_runtime::ask_to_quit(connection to) {
    try {
        co_await to->ask(message_type::quit_if_idle, encode(shim_protocol::cgroup_removal{template_.cgroup_parent}));
    } catch (const error& e) {
        log::debug("davit-shim stays: {}", e.text());
    }
}

void native_runtime::signal_orphan(const known_process& to, int number) {
    if (number < 1 || number > SIGRTMAX) throw error(errc::invalid, "there is no signal {}", number);
    const auto pidfd = open_orphan(to.pid, to.started_after, to.cgroup_path);
    if (!pidfd) throw error(errc::not_found, "container {} is not running", to.container_id);
    if (syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) < 0)
        throw error::system(errno, "signalling container {}", to.container_id);
}

} // namespace davit
