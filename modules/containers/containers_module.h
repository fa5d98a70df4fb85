#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/background.h"
#include "core/container_service.h"
#include "core/error.h"
#include "core/event_bus.h"
#include "core/image_store.h"
#include "core/module.h"
#include "core/rollback.h"
#include "core/runtime.h"
#include "core/sandbox_provider.h"
#include "core/security_profiles.h"
#include "core/semaphore.h"
#include "core/storage_driver.h"
#include "modules/containers/container_index.h"
#include "modules/containers/container_plan.h"
#include "modules/containers/output_pump.h"
#include "modules/containers/record_store.h"

namespace davit {

struct container;
struct life_command;
struct run_output;
using container_ptr = std::shared_ptr<container>;

/// The containers of the engine.
///
/// One coroutine for each container, `live`, owns its life: it alone changes the state, by core's table of transitions.
/// What users ask for is handed to it (start, remove) or is a signal whose effect it sees (stop, kill). Each verb has a
/// file of its own, container_<verb>.cpp; container_life.cpp says what happens between them.
///
/// Durable is what the store has; memory is the working copy. A start waits until the store knows its place in
/// the network, not until it knows that it runs: that is the runtime's to say, and start-up asks it. The end of a
/// process is stored before the runtime may forget it. A removal is marked in the store before anything is destroyed.
class containers_module final : public module, public container_service {
  public:
    using provides = interfaces<container_service>;
    using needs = interfaces<state_store, image_store, storage_driver, runtime, sandbox_provider, network_driver,
                             log_driver, security_profiles, event_bus>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Directory of everything that the engine keeps"},
        setting_key{"log-driver", "json-file", "Log driver of containers that name none"},
        setting_key{"log-opt", "", "Option of the default log driver (NAME=VALUE)", true},
        setting_key{"shutdown-timeout", "15",
                    "Seconds that a stop waits for what is being cleaned up; -1 for no bound"},
    };

    explicit containers_module(const module_inputs& given);
    ~containers_module() override;

    task<void> start() override;
    task<void> stop() override;

    task<create_result> create(create_request request) override;
    task<bool> start(std::string name) override;
    task<bool> stop(std::string name, std::optional<std::int64_t> timeout, std::string signal) override;
    task<void> restart(std::string name, std::optional<std::int64_t> timeout, std::string signal) override;
    task<void> kill(std::string name, std::string signal) override;
    task<wait_result> wait(std::string name, wait_condition until, std::function<void()> accepted) override;
    task<void> remove(std::string name, remove_options options) override;
    task<void> resize(std::string name, std::uint16_t rows, std::uint16_t columns) override;
    task<std::unique_ptr<attachment>> attach(std::string name, attach_request request) override;
    task<std::unique_ptr<log_reader>> logs(std::string name, log_query query) override;

    const container_record* find(std::string_view name) const override;
    const container_record& get(std::string_view name) const override;
    std::vector<const container_record*> list() const override;
    std::string log_path(const container_record& of) const override;
    std::string state_directory(const container_record& of) const override;
    string_map log_attributes(const container_record& of) const override;

  private:
    // container_create.cpp
    void claim_name(container_record& record);
    task<void> make_parts(container_ptr made, std::vector<digest> chain_ids);

    // container_life.cpp
    void add(container_ptr added);
    task<void> live(container_ptr owned);
    task<void> carry_out(container_ptr owned, std::shared_ptr<life_command> command);
    task<void> ask(container_ptr of, std::shared_ptr<life_command> command);
    task<void> oversee(container_ptr running);
    task<void> move_output(container_ptr of, std::shared_ptr<run_output> output);
    task<void> end_run(container_ptr ended, exit_status status, std::shared_ptr<run_output> output);
    /// Ends the log of a run behind the last of its output. Failures are logged.
    task<void> end_log(container_ptr ended, std::shared_ptr<run_output> output);
    task<void> await_restart(container_ptr ended);
    /// Gives back its place in the network, or leaves that to go on when it takes long. Failures are logged.
    task<void> detach(container_record& record);
    task<void> detach_from(network_driver& network, endpoint where);
    task<void> release_process(container_ptr ended, std::shared_ptr<run_output> output);
    /// Lets go of the root file system of the last run, if that was not done yet.
    task<void> unmount_root(container_ptr of);
    void change_state(container& of, container_event happened);

    // container_start.cpp
    task<void> launch(container_ptr started);
    task<void> launch_steps(container_ptr started, rollback& undo);
    /// The record of it, its log and its hosts file.
    task<void> keep_what_a_process_needs(container_ptr started);
    task<void> prepare_log(container_ptr of);
    task<void> write_hosts(container_ptr of, std::string address);
    void note_failed_start(container& failed, const error& cause);

    // container_stop.cpp
    task<void> send_signal(container_ptr to, int number);
    task<void> stop_process(container_ptr running, std::optional<std::int64_t> timeout, std::string signal);

    // container_remove.cpp
    task<void> end_for_removal(container_ptr running);
    task<void> remove_now(container_ptr removed);
    /// As its auto_remove asks. A failure is logged: whoever removes it by hand may have more luck.
    task<void> remove_itself(container_ptr removed);
    task<void> destroy(container_ptr removed);
    task<void> destroy_parts(std::string id);
    /// Erases the record of a container that is gone, once its cgroups are.
    task<void> forget(std::string id, std::string cgroups);

    // container_adopt.cpp
    task<void> load();
    task<void> adopt(container_ptr stored, const running_process* process);
    task<void> drop_leftovers(std::vector<running_process> processes);
    void revive();

    log_driver& log_driver_of(const host_config& host) const;
    std::string directory_of(const std::string& id) const { return plan_host_.containers_directory + "/" + id; }
    void publish(const container& of, std::string action, string_map attributes = {});
    /// The network's event: "connect" or "disconnect".
    void publish_network(const container& of, std::string action);

    record_store records_;
    image_store& images_;
    storage_driver& storage_;
    runtime& runtime_;
    sandbox_provider& sandboxes_;
    driver_set<network_driver> networks_;
    driver_set<log_driver> log_drivers_;
    const security_profiles& profiles_;
    event_bus& events_;

    std::string default_log_driver_;
    string_map default_log_options_;
    std::string host_name_;
    plan_host plan_host_;
    host_processors processors_;
    container_index index_;
    output_pumps pumps_;
    std::chrono::seconds longest_cleanup_;
    semaphore unmounting_{1};
    background lives_{"a container's life"};
    background moving_{"moving a container's output"};
    background cleanup_{"cleaning up a container"};
};

} // namespace davit
