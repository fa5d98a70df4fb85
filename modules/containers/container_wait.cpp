// Waiting for the end of a container.

#include "core/error.h"
#include "modules/containers/container.h"
#include "modules/containers/containers_module.h"

namespace davit {

namespace {

bool has_run_out(const container& of) {
    switch (of.record.state) {
    case container_state::created:
    case container_state::exited:
    case container_state::dead:
    case container_state::removing:
        return true;
    case container_state::running:
    case container_state::paused:
    case container_state::restarting:
        return false;
    }
    return true;
}

} // namespace

task<wait_result> containers_module::wait(std::string name, wait_condition until, std::function<void()> accepted) {
    const auto found = index_.get(name);
    const std::uint64_t exits = found->exits;
    if (accepted) accepted();
    const auto is_over = [&] {
        switch (until) {
        case wait_condition::not_running:
            return has_run_out(*found);
        case wait_condition::next_exit:
            return found->exits != exits || found->is_removed;
        case wait_condition::removed:
            return found->is_removed;
        }
        return true;
    };
    while (!is_over()) co_await found->changed.wait();
    // Of a container that is gone only its code is told, as with Docker.
    co_return wait_result{found->record.exit_code, found->is_removed ? std::string{} : found->record.error};
}

} // namespace davit
