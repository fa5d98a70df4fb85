#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/launch_plan.h"
#include "core/task.h"

namespace davit {

/// How a container's first process, or an exec, ended.
struct exit_status {
    int code = 0; ///< 0…255; 128 + signal when a signal ended it, as Docker counts
    bool was_oom_killed = false;
    bool is_known = true; ///< false: its parent was lost (the shim was killed); `code` is then 137
    std::chrono::system_clock::time_point finished_at{};
};

/// A launched process's streams: descriptors owned by the receiver, non-blocking; -1 where there is none.
/// With a terminal, `terminal` is the pty's controlling side and the three others are -1.
struct process_streams {
    int stdin_writer = -1;
    int stdout_reader = -1;
    int stderr_reader = -1;
    int terminal = -1;
};

/// A process that was launched and whose exit status has not been released.
struct running_process {
    std::string container_id;
    std::int32_t pid = 0; ///< In the host's pid namespace
    std::chrono::system_clock::time_point started_at{};
    std::optional<exit_status> ended; ///< Set when it has ended already
};

/// A warm sandbox: a child of the shim in its own namespaces that waits for a plan.
struct sandbox_ref {
    std::uint64_t id = 0;
    std::int32_t pid = 0; ///< Names its namespaces under /proc until the sandbox is launched or discarded
};

/// How long each phase of one launch took, in microseconds: "rootfs", "mounts", "cgroup", …
struct phase_time {
    std::string phase;
    std::int64_t microseconds = 0;
};

struct launched_process {
    std::int32_t pid = 0;
    process_streams streams;
    /// A descriptor of the root file system, owned by the receiver; -1 where there is none. While it is open the file
    /// system stays mounted. The last one to let go of an overlay waits until the whole disk below it is written
    /// (sync_filesystem in the kernel): without this descriptor that is the process, before anybody is told of its end.
    int root = -1;
    std::chrono::system_clock::time_point started_at{};
    std::vector<phase_time> phases;
};

/// A runtime turns launch plans into processes and outlives the engine.
///
/// Life cycle: `make_sandbox` gives a sandbox without a network; the network driver puts interfaces into it (by its
/// pid) and `configure_network` gives them their addresses from inside; `launch` spends it. A sandbox that is not
/// wanted is discarded. From `launch` on the process is known by its container id: `wait` tells its end as often as it
/// is asked, until `release` forgets it and removes its cgroups. When the engine comes back, `processes` lists what
/// there is, and `reopen_streams` gives its streams again: what was written meanwhile is still in them.
///
/// Errors of `launch`: invalid with a sentence naming the file, when the image or the request is at fault ("exec:
/// \"foo\": executable file not found in $PATH", "… permission denied", "unable to find user …"); internal for the
/// host's faults; unavailable when what holds the runtime's processes ended meanwhile: with a new sandbox it may be
/// tried again. Nothing of the launch is left behind then.
class runtime {
  public:
    virtual ~runtime() = default;

    virtual task<sandbox_ref> make_sandbox(sandbox_shape shape) = 0;
    virtual task<void> configure_network(sandbox_ref sandbox, network_plan plan) = 0;
    virtual task<void> discard_sandbox(sandbox_ref sandbox) = 0;
    /// Whether the sandbox still waits to be launched, as far as can be said without asking around.
    virtual bool is_waiting(const sandbox_ref& sandbox) const noexcept = 0;
    /// The process begins when `condition` has become true, if there is one: the task runs beside what the runtime
    /// prepares. When it fails nothing was launched, and its error is the launch's.
    virtual task<launched_process> launch(sandbox_ref sandbox, launch_plan plan,
                                          std::optional<task<void>> condition) = 0;
    task<launched_process> launch(sandbox_ref sandbox, launch_plan plan) {
        return launch(sandbox, std::move(plan), std::nullopt);
    }

    /// Returns when the process has ended. not_found for an id that is not held.
    virtual task<exit_status> wait(std::string container_id) = 0;
    /// Sends a signal to the process. not_found when it has ended.
    virtual task<void> signal(std::string container_id, int number) = 0;
    virtual task<void> resize(std::string container_id, std::uint16_t rows, std::uint16_t columns) = 0;
    /// Closes the runtime's own copy of the writing end of stdin, so that the process sees its end.
    virtual task<void> close_stdin(std::string container_id) = 0;
    virtual task<std::vector<running_process>> processes() = 0;
    virtual task<process_streams> reopen_streams(std::string container_id) = 0;
    /// Forgets an ended process, its streams and its cgroups.
    virtual task<void> release(std::string container_id) = 0;
    /// Returns when these cgroups, whose containers the runtime does not hold, are gone; what still runs in them is
    /// killed. They are left when the runtime is killed, and the engine with it. `cgroup_paths`: as plans have them;
    /// one that is not there costs nothing. For the time of `patience` it only looks: of processes that were released
    /// the runtime removes them by itself. Errors: unavailable when one stays.
    virtual task<void> clear_cgroups(std::vector<std::string> cgroup_paths,
                                     std::chrono::milliseconds patience = std::chrono::milliseconds{0}) = 0;
};

} // namespace davit
