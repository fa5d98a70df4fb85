#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/background.h"
#include "core/event.h"
#include "core/module.h"
#include "core/runtime.h"
#include "core/semaphore.h"
#include "modules/runtime/native/process_table.h"
#include "modules/runtime/native/protocol.h"
#include "modules/runtime/native/shim_connection.h"
#include "modules/runtime/native/shim_program.h"

namespace davit {

/// The runtime that uses namespaces and cgroups directly, through davit-shim: one small process for the whole host that
/// is the parent of all containers and outlives the engine. The shim is started when it is first needed and found again
/// when the engine comes back; one of another version is replaced as soon as it holds no container.
///
/// When the shim is lost, its sandboxes are gone with it and requests fail with `unavailable`; containers run on and
/// are watched to their end, which is then known without its code (exit_status::is_known). The next request starts a
/// new shim. One that does not answer counts as lost until it answers again.
class native_runtime final : public module, public runtime {
  public:
    using provides = interfaces<runtime>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"exec-root", "/run/davit", "Root directory of state that ends with the host's uptime"},
        setting_key{"shim-path", "", "The davit-shim program (default: beside davitd)"},
    };

    explicit native_runtime(const module_inputs& given);
    /// Without a registry, for tests. `patience`: in which a shim that is well has answered, however busy the host.
    explicit native_runtime(shim_program program, std::chrono::milliseconds patience = std::chrono::minutes{1});
    ~native_runtime() override;

    task<void> start() override;
    task<void> stop() override;
    task<module_health> health() override;

    task<sandbox_ref> make_sandbox(sandbox_shape shape) override;
    task<void> configure_network(sandbox_ref sandbox, network_plan plan) override;
    task<void> discard_sandbox(sandbox_ref sandbox) override;
    bool is_waiting(const sandbox_ref& sandbox) const noexcept override;
    using runtime::launch;
    task<launched_process> launch(sandbox_ref sandbox, launch_plan plan, std::optional<task<void>> condition) override;
    task<exit_status> wait(std::string container_id) override;
    task<void> signal(std::string container_id, int number) override;
    task<void> resize(std::string container_id, std::uint16_t rows, std::uint16_t columns) override;
    task<void> close_stdin(std::string container_id) override;
    task<std::vector<running_process>> processes() override;
    task<process_streams> reopen_streams(std::string container_id) override;
    task<void> release(std::string container_id) override;
    task<void> clear_cgroups(std::vector<std::string> cgroup_paths, std::chrono::milliseconds patience) override;

  private:
    using connection = std::shared_ptr<shim_connection>;

    /// The present connection; connects, and starts a shim, when there is none.
    task<connection> connected();
    task<connection> connect();
    /// Nothing when the shim goes away meanwhile.
    task<std::optional<shim_protocol::hello>> greet(shim_connection& with);
    static task<void> await_end(connection of);
    task<void> serve(connection to);
    task<void> let_shim_go();
    task<void> ask_to_quit(connection to);
    task<void> adopt(connection from);
    /// Watches the processes of a connection that is lost by themselves.
    void orphan(std::uint64_t generation);
    task<void> watch_orphan(process_table::entry process);
    /// Asks what any shim can answer; once more when the present one turns out to be gone.
    task<std::pair<connection, shim_connection::answer>> ask_any(shim_protocol::message_type type, std::string payload);
    /// Errors: not_found when it has ended.
    static void signal_orphan(const known_process& to, int number);
    /// Kills what is left of a container whose shim has gone, and removes its cgroups.
    task<void> remove_cgroups(std::string path);
    /// Makes the shim forget a process that has ended; of a shim that has gone, removes what it left.
    task<void> let_go_of(process_table::entry process);
    /// The connection that a sandbox belongs to. Errors: unavailable when it is gone.
    task<connection> owner_of(sandbox_ref sandbox);
    void note_exit(const shim_protocol::exited& exit);

    shim_program program_;
    std::chrono::milliseconds patience_;
    shim_protocol::sandbox_template template_;
    process_table processes_;
    connection connection_;
    /// While the list of processes is on its way: ends that were told right behind it, before its processes are known.
    std::optional<std::vector<shim_protocol::exited>> exits_before_adoption_;
    std::uint64_t generations_ = 0;
    semaphore connecting_{1};
    background running_{"the runtime"};
};

} // namespace davit
