// Removing a container: first marked, then out of sight, then destroyed, then forgotten.

#include <chrono>
#include <csignal>

#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/file.h"
#include "modules/containers/container.h"
#include "modules/containers/containers_module.h"

namespace davit {

namespace {

/// In which a runtime that is well has removed the cgroups of an ended process, whatever else it has to do.
constexpr std::chrono::milliseconds time_for_cgroups{5000};

/// Clearing away begins so long after the removal: who starts one container after the other starts the next by then.
constexpr std::chrono::milliseconds time_for_the_next_start{5};

/// How long each step of clearing away waits for starts to end.
constexpr std::chrono::milliseconds patience_with_starts{500};

} // namespace

task<void> containers_module::remove(std::string name, remove_options options) {
    const auto found = index_.get(name);
    container_record& record = found->record;
    const auto runs = [&] {
        return record.state == container_state::running || record.state == container_state::paused ||
               record.state == container_state::restarting;
    };
    if (record.state == container_state::removing)
        throw error(errc::conflict, "removal of container {} is already in progress", record.name);
    if (runs() && !options.force)
        throw error(
            errc::conflict,
            "cannot remove container \"{}\": container is {}: stop the container before removing or force remove", name,
            to_string(record.state));
    for (;;) {
        while (runs()) co_await end_for_removal(found);
        if (found->is_removed) co_return; // it removed itself at its end
        try {
            co_await ask(found, std::make_shared<life_command>(life_command::verb::remove));
            co_return;
        } catch (const error& e) {
            // A start that was under way came first.
            if (e.category() != errc::conflict || !options.force || record.state == container_state::removing) throw;
        }
    }
}

task<void> containers_module::end_for_removal(container_ptr running) {
    bool was_sent = true;
    try {
        co_await kill(running->record.id, "KILL");
    } catch (const error& e) {
        if (e.category() != errc::conflict) throw;
        was_sent = false;
    }
    const auto runs = [&] {
        return running->record.state == container_state::running || running->record.state == container_state::paused;
    };
    // Its end is known to the runtime and not yet to us, or it is between two runs.
    if ((!was_sent && runs()) || running->record.state == container_state::restarting) co_await await_change(running);
}

task<void> containers_module::remove_now(container_ptr removed) {
    if (removed->is_removed) co_return;
    container_record& record = removed->record;
    change_state(*removed, container_event::remove);
    try {
        co_await records_.flush();
    } catch (const error& e) {
        // Without a mark that lasts, nothing is destroyed.
        if (e.category() != errc::cancelled) change_state(*removed, container_event::remove_failed);
        throw;
    }
    index_.release_name(record.name, record.id);
    index_.erase(record.id);
    images_.release(record.image_id, record.id);
    removed->is_removed = true;
    removed->output.end();
    removed->changed.wake_all();
    publish(*removed, "destroy");
    cleanup_.spawn(destroy(removed));
}

task<void> containers_module::remove_itself(container_ptr removed) {
    try {
        co_await remove_now(removed);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::error("container {} can't be removed at its end: {}", removed->record.id, e.what());
    }
}

task<void> containers_module::destroy(container_ptr removed) {
    while (removed->holds_process) co_await removed->released.wait();
    removed->log.reset();
    pumps_.forget(removed->record.id);
    co_await sleep_for(time_for_the_next_start);
    co_await sandboxes_.until_no_start(patience_with_starts);
    co_await destroy_parts(removed->record.id);
    co_await sandboxes_.until_no_start(patience_with_starts);
    co_await unmount_root(removed);
    co_await sandboxes_.until_no_start(patience_with_starts);
    co_await forget(removed->record.id, cgroup_path(removed->record));
}

task<void> containers_module::forget(std::string id, std::string cgroups) {
    // They go when the runtime finds the time. One that was lost before that has left some; should the engine be lost
    // too, the record still says whose they are.
    co_await runtime_.clear_cgroups(std::vector<std::string>{std::move(cgroups)}, time_for_cgroups);
    records_.erase(id);
}

task<void> containers_module::destroy_parts(std::string id) {
    co_await with_scope([&](scope& parts) -> task<void> {
        parts.spawn(storage_.remove_container(id));
        co_await io::remove_tree(directory_of(id));
    });
}

} // namespace davit
