#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "core/cancellation.h"
#include "core/container_service.h"
#include "core/error.h"
#include "core/event.h"
#include "core/log_driver.h"
#include "core/semaphore.h"
#include "core/wait_list.h"
#include "io/descriptor.h"
#include "io/poll.h"
#include "modules/containers/output_fan.h"
#include "modules/containers/process_input.h"

namespace davit {

/// Something that only the coroutine that owns a container's life may do, asked for by another.
struct life_command {
    enum class verb : std::uint8_t { start, remove };

    explicit life_command(verb asked) noexcept : what{asked} {}

    const verb what;
    event done;
    std::exception_ptr failure;
};

/// The output of one run, on its way to the log.
struct run_output {
    cancellation* moving = nullptr; ///< Ends the moving, as long as there is any
    event has_ended;                ///< Nothing is moved any more
    event is_logged;                ///< And the log has come to its end
};

/// One container in memory. Whoever awaits something of it holds a shared pointer, so that it outlives its removal.
/// Its state is changed by the coroutine that owns its life only (containers_module::live).
struct container {
    container_record record;
    bool is_unowned = false;  ///< The coroutine that owned its life has ended
    bool is_removed = false;  ///< Nobody finds it any more; its directories may still be on their way out
    std::uint64_t starts = 0; ///< In this life of the engine
    std::uint64_t exits = 0;  ///< The same, of ends

    wait_list changed; ///< Woken by every change of what is above

    std::vector<std::shared_ptr<life_command>> commands; ///< For the life coroutine, oldest first
    wait_list commanded;

    event stop_restarting;           ///< Asked for while it waits for its restart
    std::int64_t quick_restarts = 0; ///< In a row

    /// The streams of a process that was just launched or adopted, until its output is being moved.
    std::shared_ptr<io::pollable> standard_output;
    std::shared_ptr<io::pollable> standard_error;
    std::shared_ptr<io::pollable> terminal;

    io::descriptor root; ///< Of the last run's root file system, which stays mounted with it: launched_process::root

    bool holds_process = false; ///< The runtime still holds its process, ended or not
    wait_list released;         ///< Woken when it does no more, and by stop_restarting

    std::unique_ptr<container_log> log; ///< Opened by each start, or when first read
    bool log_has_finished = false;      ///< With the last run
    bool is_kept_once = false;          ///< Its next end does not remove it: a restart is under way
    semaphore log_turn{1};              ///< Opening, appending, and joining the live output to what was logged
    output_fan output;
    process_input input;
};

using container_ptr = std::shared_ptr<container>;

/// What is thrown at those who want something of a container with whose life nobody deals any more.
error unowned(const container& of);
/// Returns after the next change of what is the life coroutine's. Errors: unavailable when nobody will change it.
task<void> await_change(container_ptr of);

} // namespace davit
