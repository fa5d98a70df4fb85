// What an engine that comes back does: it compares what it stored with what there is, takes over what runs, learns how
// the rest ended, and removes what nobody owns.

#include <algorithm>
#include <csignal>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "io/descriptor.h"
#include "io/file.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/container_files.h"
#include "modules/containers/containers_module.h"

namespace davit {

namespace {

bool is_container_id(const std::string& name) {
    return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::shared_ptr<io::pollable> watch(int fd) {
    return fd < 0 ? nullptr : std::make_shared<io::pollable>(io::descriptor{fd});
}

/// Docker's rule for what an engine that starts brings up again.
bool starts_with_the_engine(const container_record& record) {
    if (record.state != container_state::exited) return false;
    const std::string& policy = record.host.restart.name;
    if (policy == "always") return true;
    if (record.was_stopped_by_user) return false;
    return policy == "unless-stopped" || (policy == "on-failure" && record.exit_code != 0);
}

} // namespace

task<void> containers_module::load() {
    auto records = co_await records_.load();
    auto processes = co_await runtime_.processes();
    const auto whole =
        co_await io::offload([with_layer = storage_.containers(), directory = plan_host_.containers_directory] {
            std::set<std::string> found;
            for (const std::string& id : with_layer)
                if (has_container_files(directory + "/" + id)) found.insert(id);
            return found;
        });
    std::vector<container_record> dropped;
    std::vector<std::string> unheld; // Cgroups in which nothing may run any more

    for (container_record& record : records) {
        const bool is_half_made = record.state == container_state::created && !whole.contains(record.id);
        auto stored = std::make_shared<container>();
        stored->record = std::move(record);
        const auto process = std::find_if(processes.begin(), processes.end(), [&](const running_process& held) {
            return held.container_id == stored->record.id;
        });
        const running_process* held = process == processes.end() ? nullptr : &*process;
        if (!held) unheld.push_back(cgroup_path(stored->record));
        // Removed, or made only in part, when the engine's last life ended: nobody sees it any more.
        // What is left of it is dropped below, with all that has no owner.
        if (stored->record.state == container_state::removing || is_half_made) {
            dropped.push_back(std::move(stored->record));
            continue;
        }
        co_await adopt(stored, held);
    }
    // Processes whose shim was killed too: their containers are told as ended, so they must be.
    try {
        co_await runtime_.clear_cgroups(std::move(unheld));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        // No reason to keep the others from their engine.
        log::error("ending what killed containers left: {}", e.what());
    }
    co_await drop_leftovers(std::move(processes));
    for (const container_record& record : dropped) cleanup_.spawn(forget(record.id, cgroup_path(record)));
    for (const auto& [name, network] : networks_.all()) co_await network->reconcile();
    revive();
}

task<void> containers_module::adopt(container_ptr stored, const running_process* process) {
    container_record& record = stored->record;
    index_.reserve_name(record.name, record.id);
    images_.hold(record.image_id, record.id);
    // Its start may have got further than what was stored of it; its network was stored before its process began.
    const bool was_starting =
        process && (record.state == container_state::created || record.state == container_state::exited);
    bool is_ours = process && !record.network.network_name.empty();
    if (is_ours) {
        try {
            if (network_driver* network = networks_.find(record.network.network_name))
                co_await network->restore(record.network);
            process_streams streams = co_await runtime_.reopen_streams(record.id);
            stored->standard_output = watch(streams.stdout_reader);
            stored->standard_error = watch(streams.stderr_reader);
            stored->terminal = watch(streams.terminal);
            if (stored->terminal)
                stored->input.open(stored->terminal);
            else if (streams.stdin_writer >= 0)
                stored->input.open(watch(streams.stdin_writer));
            co_await prepare_log(stored);
            co_await pumps_.settle(*stored, streams.stdout_reader, streams.stderr_reader);
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            log::error("container {} can't be taken over and is ended: {}", record.id, e.what());
            is_ours = false;
        }
    }
    if (process && !is_ours) {
        // Nothing of the attempt stays.
        stored->standard_output = stored->standard_error = stored->terminal = nullptr;
        stored->input.close();
        co_await detach(record);
        records_.put(record);
    }
    if (is_ours) {
        stored->holds_process = true;
        record.pid = process->pid;
        record.started_at = process->started_at;
        if (was_starting || record.state == container_state::restarting)
            record.state = transition(record.state, container_event::start);
        records_.put(record);
    } else if (record.state == container_state::running || record.state == container_state::paused) {
        // The shim was lost with it, or its network is not known: its process, if there is one, is a leftover.
        record.state = transition(record.state, container_event::exit);
        record.exit_code = 137;
        record.error = "the engine came back and did not find its process";
        record.pid = 0;
        record.network = {};
        record.finished_at = std::chrono::system_clock::now();
        records_.put(record);
    } else if (!record.network.network_name.empty()) {
        record.network = {}; // of a start that did not get as far as a process
        records_.put(record);
    }
    add(stored);
}

task<void> containers_module::drop_leftovers(std::vector<running_process> processes) {
    for (const running_process& process : processes) {
        const auto owner = index_.find(process.container_id);
        if ((owner && owner->holds_process) || records_.is_left_aside(process.container_id)) continue;
        log::warn("the process {} of container {}, which nobody owns, is ended", process.pid, process.container_id);
        try {
            if (!process.ended) {
                co_await runtime_.signal(process.container_id, SIGKILL);
                co_await runtime_.wait(process.container_id);
            }
            co_await runtime_.release(process.container_id);
        } catch (const error& e) {
            if (e.category() != errc::not_found) log::warn("ending the process {}: {}", process.pid, e.what());
        }
    }
    std::set<std::string> remains;
    for (const std::string& id : storage_.containers()) remains.insert(id);
    for (const auto& entry : co_await io::list_directory(plan_host_.containers_directory))
        if (entry.kind == io::directory_entry::type::directory && is_container_id(entry.name))
            remains.insert(entry.name);
    for (const std::string& id : remains) {
        if (index_.find(id) || records_.is_left_aside(id)) continue;
        try {
            co_await destroy_parts(id);
        } catch (const error& e) {
            log::warn("removing what is left of container {}: {}", id, e.what());
        }
    }
}

void containers_module::revive() {
    for (const auto& [id, held] : index_.all()) {
        const container_record& record = held->record;
        if (record.state == container_state::exited && record.host.auto_remove)
            held->commands.push_back(std::make_shared<life_command>(life_command::verb::remove));
        else if (starts_with_the_engine(record))
            held->commands.push_back(std::make_shared<life_command>(life_command::verb::start));
        held->commanded.wake_all();
    }
}

} // namespace davit
