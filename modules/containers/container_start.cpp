// Starting a container: the engine's hot path.

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "core/rollback.h"
#include "core/scope.h"
#include "io/descriptor.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/container_files.h"
#include "modules/containers/containers_module.h"
#include "modules/containers/log_attributes.h"

namespace davit {

namespace {

std::shared_ptr<io::pollable> watch(int fd) {
    return fd < 0 ? nullptr : std::make_shared<io::pollable>(io::descriptor{fd});
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// How often a start is tried whose runtime goes away meanwhile.
constexpr int most_tries = 3;

/// The exit code that Docker gives a command that could not be run.
int exit_code_of(const error& cause) {
    const std::string& text = cause.text();
    if (contains(text, "executable file not found") || contains(text, "no such file or directory") ||
        contains(text, "No such file or directory"))
        return 127;
    if (contains(text, "permission denied") || contains(text, "Permission denied") ||
        contains(text, "is a directory") || contains(text, "exec format error"))
        return 126;
    return 128;
}

} // namespace

task<bool> containers_module::start(std::string name) {
    const auto found = index_.get(name);
    switch (found->record.state) {
    case container_state::running:
    case container_state::restarting:
        co_return false;
    case container_state::paused:
        throw error(errc::conflict, "cannot start a paused container, try unpause instead");
    case container_state::removing:
    case container_state::dead:
        throw error(errc::conflict, "container is marked for removal and cannot be started");
    case container_state::created:
    case container_state::exited:
        break;
    }
    const std::uint64_t starts = found->starts;
    try {
        co_await ask(found, std::make_shared<life_command>(life_command::verb::start));
    } catch (const error& e) {
        // Somebody else's start came first: to this one it runs already.
        if (e.category() != errc::conflict || found->starts == starts) throw;
        co_return false;
    }
    co_return true;
}

task<void> containers_module::launch(container_ptr started) {
    transition(started->record.state, container_event::start); // refuses what can't start
    while (started->holds_process) co_await started->released.wait();
    co_await unmount_root(started);
    started->record.was_stopped_by_user = false;
    started->stop_restarting.reset();
    for (int tries_left = most_tries - 1;; --tries_left) {
        rollback undo;
        try {
            co_await with_rollback(undo, launch_steps(started, undo));
            co_return;
        } catch (const error& e) {
            // The runtime was lost in the middle: nothing of this launch is left, and the next one finds a new runtime.
            if (e.category() != errc::unavailable || tries_left == 0) {
                note_failed_start(*started, e);
                throw;
            }
            log::warn("starting container {} once more: {}", started->record.id, e.text());
        }
    }
}

task<void> containers_module::launch_steps(container_ptr started, rollback& undo) {
    container_record& record = started->record;
    if (!networks_.find(record.host.network_mode))
        throw error(errc::not_found, "failed to set up container networking: network {} not found",
                    record.host.network_mode);
    const counted under_way = sandboxes_.start_under_way();
    rootfs_plan rootfs = co_await storage_.container_rootfs(record.id);
    const ready_sandbox taken = co_await sandboxes_.take(sandbox_for(record.host));
    undo.add([this, taken] { return sandboxes_.discard(taken); });

    // An engine that is killed finds the process and its place in the network together; a process that comes back
    // without its place would have to be ended.
    record.network = taken.where;
    records_.put(record);

    launched_process process =
        co_await runtime_.launch(taken.sandbox, make_launch_plan(record, std::move(rootfs), plan_host_, profiles_),
                                 keep_what_a_process_needs(started));

    // From here on nothing waits and nothing fails: the process runs, and its streams are ours.
    started->standard_output = watch(process.streams.stdout_reader);
    started->standard_error = watch(process.streams.stderr_reader);
    started->terminal = watch(process.streams.terminal);
    if (started->terminal)
        started->input.open(started->terminal);
    else if (process.streams.stdin_writer >= 0)
        started->input.open(watch(process.streams.stdin_writer));
    started->root = io::descriptor{process.root};
    started->holds_process = true;
    record.pid = process.pid;
    record.error.clear();
    record.exit_code = 0;
    record.was_oom_killed = false;
    record.started_at = process.started_at;
    record.finished_at = {};
    record.phases = std::move(process.phases);
    change_state(*started, container_event::start);
    publish_network(*started, "connect");
    publish(*started, "start");
}

task<void> containers_module::keep_what_a_process_needs(container_ptr started) {
    // All three only wait for a worker: side by side they cost one round.
    co_await with_scope([&](scope& parts) -> task<void> {
        parts.spawn(records_.flush());
        parts.spawn(prepare_log(started));
        co_await write_hosts(started, started->record.network.ipv4);
    });
}

task<void> containers_module::prepare_log(container_ptr of) {
    const auto turn = co_await of->log_turn.acquire();
    if (of->log && !of->log_has_finished) co_return;
    const string_map& options = of->record.host.log.config;
    of->log =
        co_await log_driver_of(of->record.host)
            .open(of->record.id, directory_of(of->record.id), driver_options(options), log_attributes(of->record));
    of->log_has_finished = false;
}

task<void> containers_module::write_hosts(container_ptr of, std::string address) {
    if (of->record.host.network_mode == "host") co_return; // the host's own, since the container was made
    std::string gateway;
    if (const network_driver* network = networks_.find(of->record.host.network_mode))
        gateway = network->facts().gateway;
    co_await io::offload([directory = directory_of(of->record.id), text = hosts_text(of->record, address, gateway)] {
        rewrite_hosts(directory, text);
    });
}

void containers_module::note_failed_start(container& failed, const error& cause) {
    failed.record.network = {};
    records_.put(failed.record);
    if (cause.category() == errc::cancelled) return;
    failed.record.error = cause.text();
    failed.record.exit_code = exit_code_of(cause);
    records_.put(failed.record);
    failed.changed.wake_all();
    failed.output.end();
}

} // namespace davit
