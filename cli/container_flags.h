#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types/container_create.h"
#include "cli/flags.h"
#include "cli/network_flags.h"
#include "cli/unoffered_flags.h"

namespace davit::cli {

/// The flags that describe a container, shared by run and create, and the request that they make.
class container_flags {
  public:
    void declare(flag_set& flags);

    /// `words`: the image, then its command. Errors: invalid for what can't be right.
    api::create_body request(const std::vector<std::string>& words) const;
    /// The same for the command of that name, whose end the errors are: exit_error.
    api::create_body checked_request(std::string_view command, const std::vector<std::string>& words) const;

    /// Whether -e says something of a variable.
    bool sets_variable(std::string_view name) const;

    bool tty = false;
    bool interactive = false;
    bool remove = false;
    std::string name;
    std::string platform;
    std::string pull = "missing";
    std::string id_file;
    bool quiet = false;
    bool uses_api_socket = false;
    std::vector<std::string> attach; ///< "stdin", "stdout", "stderr"

  private:
    void declare_limits(flag_set& flags);
    void fill_config(api::create_body& body) const;
    void fill_host(api::create_body& body) const;
    void fill_limits(api::wire_host_config& host) const;

    std::vector<std::string> environment_, environment_files_, labels_, label_files_;
    std::vector<std::string> capabilities_added_, capabilities_dropped_, groups_, security_options_;
    std::vector<ulimit_config> ulimits_;
    std::vector<std::string> hosts_, dns_, dns_options_, dns_search_, sysctls_, tmpfs_, volumes_, ports_, log_options_;
    std::string working_directory_, user_, hostname_, domain_name_, stop_signal_, restart_;
    std::vector<std::string> exposed_ports_;
    std::string cpuset_, cpuset_memory_, user_namespace_, cgroup_parent_, cgroup_namespace_, ipc_, pid_, uts_,
        log_driver_, runtime_;
    std::int64_t memory_ = 0, memory_reservation_ = 0, memory_swap_ = 0, shm_size_ = 0, nano_cpus_ = 0;
    std::int64_t kernel_memory_ = 0;      ///< Kernels have no such limit any more; docker takes and ignores it too
    std::vector<std::string> entrypoint_; ///< As often as it was given: an empty text means something
    std::optional<std::int64_t> stop_timeout_, pids_limit_, cpu_shares_, oom_score_, cpu_period_, cpu_quota_,
        swappiness_;
    bool is_privileged_ = false, is_read_only_ = false, disables_oom_kill_ = false;
    bool trusts_ = true; ///< Content trust is no part of this program; scripts may still switch it off
    std::optional<bool> wants_init_;
    network_flags networks_;
    unoffered_flags unoffered_;
};

} // namespace davit::cli
