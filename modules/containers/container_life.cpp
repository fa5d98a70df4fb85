// What happens between the verbs: the coroutine that owns a container's life, and the end of a run.

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/containers_module.h"

namespace davit {

namespace {

using namespace std::chrono_literals;

/// For how long each thing that an end awaits of others may hold it up: its last output (a process that it left on the
/// host may hold its pipes open), the disk below its log, the kernel's network. Together less than a kill waits for it.
constexpr auto longest_part_of_an_end = 3s;

bool wants_restart(const container_record& of) {
    if (of.was_stopped_by_user) return false;
    const restart_policy& policy = of.host.restart;
    if (policy.name == "always" || policy.name == "unless-stopped") return true;
    return policy.name == "on-failure" && of.exit_code != 0 &&
           (policy.maximum_retry_count == 0 || of.restart_count < policy.maximum_retry_count);
}

/// 100 ms, doubled by every restart, a minute at most; from the start again after a run of ten seconds.
std::chrono::milliseconds restart_delay(std::int64_t restarts) {
    return std::min<std::chrono::milliseconds>(100ms * (1LL << std::clamp<std::int64_t>(restarts, 0, 10)), 60s);
}

} // namespace

error unowned(const container& of) {
    return error(errc::unavailable,
                 "the engine is stopping, or failed at container {} (its log says why): start it again", of.record.id);
}

task<void> await_change(container_ptr of) {
    if (of->is_unowned) throw unowned(*of);
    co_await of->changed.wait();
}

void containers_module::change_state(container& of, container_event happened) {
    of.record.state = transition(of.record.state, happened);
    if (happened == container_event::start) ++of.starts;
    if (happened == container_event::exit || happened == container_event::await_restart) ++of.exits;
    records_.put(of.record);
    of.changed.wake_all();
}

void containers_module::add(container_ptr added) {
    index_.add(added);
    lives_.spawn(live(std::move(added)));
}

task<void> containers_module::live(container_ptr owned) {
    try {
        // An engine that comes back finds it running, or on its way out.
        if (owned->record.state == container_state::running) co_await oversee(owned);
        while (!owned->is_removed) {
            if (owned->record.state == container_state::restarting) {
                co_await await_restart(owned);
                continue;
            }
            while (owned->commands.empty()) co_await owned->commanded.wait();
            const auto command = owned->commands.front();
            owned->commands.erase(owned->commands.begin());
            co_await carry_out(owned, command);
            if (owned->record.state != container_state::running) continue;
            // Asked for while this start was under way. It may run, and be restarted, for as long as it likes.
            for (const auto& late : std::exchange(owned->commands, {})) {
                late->failure =
                    std::make_exception_ptr(error(errc::conflict, "container {} is running", owned->record.id));
                late->done.set();
            }
            co_await oversee(owned);
        }
    } catch (const error& e) {
        if (e.category() != errc::cancelled) log::error("container {}: {}", owned->record.id, e.what());
    }
    // Nobody carries out what is still asked for, or will be: the container is gone, or the engine stops.
    owned->is_unowned = true;
    owned->changed.wake_all();
    for (const auto& command : owned->commands) {
        if (!owned->is_removed)
            command->failure = std::make_exception_ptr(unowned(*owned));
        else if (command->what == life_command::verb::start)
            command->failure =
                std::make_exception_ptr(error(errc::not_found, "No such container: {}", owned->record.id));
        command->done.set();
    }
    owned->commands.clear();
}

task<void> containers_module::carry_out(container_ptr owned, std::shared_ptr<life_command> command) {
    try {
        if (command->what == life_command::verb::start)
            co_await launch(owned);
        else
            co_await remove_now(owned);
    } catch (...) {
        command->failure = std::current_exception();
    }
    const bool failed_to_start = command->failure && command->what == life_command::verb::start;
    command->done.set();
    if (failed_to_start && owned->record.host.auto_remove && !(co_await this_cancellation())->is_requested())
        co_await remove_itself(owned);
}

task<void> containers_module::ask(container_ptr of, std::shared_ptr<life_command> command) {
    if (of->is_unowned) throw unowned(*of);
    of->commands.push_back(command);
    of->commanded.wake_all();
    co_await command->done.wait();
    if (command->failure) std::rethrow_exception(command->failure);
}

task<void> containers_module::oversee(container_ptr running) {
    const auto output = std::make_shared<run_output>();
    moving_.spawn(move_output(running, output));
    exit_status status{137, false, false, std::chrono::system_clock::now()};
    try {
        status = co_await runtime_.wait(running->record.id);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::warn("the end of container {} is not known: {}", running->record.id, e.what());
    }
    try {
        co_await with_timeout(longest_part_of_an_end, "draining the output", output->has_ended.wait());
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
        if (output->moving) output->moving->request();
    }
    co_await end_run(running, status, output);
}

task<void> containers_module::move_output(container_ptr of, std::shared_ptr<run_output> output) {
    cancellation moving{co_await this_cancellation()};
    output->moving = &moving;
    try {
        co_await pumps_
            .run(*of, std::exchange(of->standard_output, nullptr), std::exchange(of->standard_error, nullptr),
                 std::exchange(of->terminal, nullptr))
            .under(&moving);
    } catch (const error& e) {
        if (e.category() != errc::cancelled)
            log::error("moving the output of container {}: {}", of->record.id, e.what());
    } catch (const std::exception& e) {
        log::error("moving the output of container {}: {}", of->record.id, e.what());
    }
    output->moving = nullptr;
    output->has_ended.set();
}

task<void> containers_module::end_run(container_ptr ended, exit_status status, std::shared_ptr<run_output> output) {
    container_record& record = ended->record;
    ended->input.close();
    if (!co_await cleanup_.run_for(longest_part_of_an_end, end_log(ended, output)))
        log::warn("the log of container {} takes its time: the container is told as ended before it", record.id);
    co_await detach(record);
    record.pid = 0;
    record.exit_code = status.code;
    record.was_oom_killed = status.was_oom_killed;
    if (!status.is_known) record.error = "its parent process was lost, and with it how it ended";
    record.finished_at = status.finished_at == std::chrono::system_clock::time_point{}
                             ? std::chrono::system_clock::now()
                             : status.finished_at;
    const bool restarts = wants_restart(record);
    change_state(*ended, restarts ? container_event::await_restart : container_event::exit);
    if (record.was_oom_killed) publish(*ended, "oom");
    publish_network(*ended, "disconnect");
    const auto ran = std::chrono::duration_cast<std::chrono::seconds>(record.finished_at - record.started_at).count();
    publish(*ended, "die",
            {{"exitCode", std::to_string(record.exit_code)},
             {"execDuration", std::to_string(std::max<std::int64_t>(ran, 0))}});
    if (!restarts) ended->output.end();
    cleanup_.spawn(release_process(ended, output));
    const bool is_kept = std::exchange(ended->is_kept_once, false);
    if (!restarts && record.host.auto_remove && !is_kept) co_await remove_itself(ended);
}

task<void> containers_module::end_log(container_ptr ended, std::shared_ptr<run_output> output) {
    co_await output->has_ended.wait();
    if (ended->log) {
        ended->log_has_finished = true;
        try {
            co_await ended->log->finish();
        } catch (const error& e) {
            if (e.category() != errc::cancelled)
                log::warn("finishing the log of container {}: {}", ended->record.id, e.what());
        }
    }
    pumps_.forget(ended->record.id);
    output->is_logged.set();
}

task<void> containers_module::detach(container_record& record) {
    network_driver* const network = networks_.find(record.network.network_name);
    if (network && !co_await cleanup_.run_for(longest_part_of_an_end, detach_from(*network, record.network)))
        log::warn("the kernel takes its time to let {} of container {} go", record.network.host_interface, record.id);
    record.network = {};
}

task<void> containers_module::detach_from(network_driver& network, endpoint where) {
    const std::string interface = where.host_interface;
    try {
        co_await network.detach(std::move(where));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::warn("detaching {} from network {}: {}", interface, network.facts().name, e.what());
    }
}

task<void> containers_module::release_process(container_ptr ended, std::shared_ptr<run_output> output) {
    try {
        // Until then neither the next start nor the removal may have its log.
        co_await output->is_logged.wait();
        // The runtime may forget how it ended only when the store knows.
        co_await records_.flush();
        co_await runtime_.release(ended->record.id);
        // What removes itself is gone before there is anything to write.
        if (!ended->record.host.auto_remove) co_await unmount_root(ended);
    } catch (const error& e) {
        if (e.category() != errc::not_found)
            log::warn("releasing the process of container {}: {}", ended->record.id, e.what());
    }
    ended->holds_process = false;
    ended->released.wake_all();
}

task<void> containers_module::unmount_root(container_ptr of) {
    if (!of->root) co_return;
    // One at a time: on a busy disk each waits long, and workers are few.
    const auto turn = co_await unmounting_.acquire();
    co_await io::offload([of] { of->root.close(); });
}

task<void> containers_module::await_restart(container_ptr ended) {
    container_record& record = ended->record;
    if (record.finished_at - record.started_at >= 10s) ended->quick_restarts = 0;
    const auto delay = restart_delay(ended->quick_restarts++);
    try {
        co_await with_timeout(delay, "waiting for a restart", ended->stop_restarting.wait());
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
    }
    // On a busy disk it may take long until the last run has let go; whoever stops or removes the container does not
    // wait.
    while (ended->holds_process && !ended->stop_restarting.is_set()) co_await ended->released.wait();
    if (ended->stop_restarting.is_set() || record.was_stopped_by_user) {
        ended->stop_restarting.reset();
        record.state = transition(record.state, container_event::exit);
        records_.put(record);
        ended->changed.wake_all();
        ended->output.end();
        if (record.host.auto_remove) co_await remove_itself(ended);
        co_return;
    }
    ++record.restart_count;
    bool has_failed = false;
    try {
        co_await launch(ended);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::warn("restarting container {}: {}", record.id, e.what());
        has_failed = true;
    }
    if (has_failed) {
        record.state = transition(record.state, container_event::exit);
        records_.put(record);
        ended->changed.wake_all();
        ended->output.end();
        co_return;
    }
    co_await oversee(ended);
}

} // namespace davit
