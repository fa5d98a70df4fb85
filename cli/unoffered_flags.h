#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types/container_create.h"
#include "cli/flags.h"

namespace davit::cli {

/// Those of docker's flags that ask for what not every engine offers: mounts, devices, health checks,
/// limits of block devices. They are sent as docker sends them, so that the engine says what it thinks of them.
class unoffered_flags {
  public:
    void declare(flag_set& flags);
    /// Errors: invalid for flags that contradict each other.
    void fill(api::create_body& body) const;

  private:
    void fill_health(api::create_body& body) const;
    void fill_devices(api::wire_host_config& host) const;

    using texts = std::vector<std::string>;
    texts mounts_, device_requests_; ///< JSON objects
    texts devices_, volumes_from_, device_rules_;
    texts annotations_, storage_options_;
    std::map<std::string, texts> block_limits_; ///< By their names on the wire; JSON objects
    std::string volume_driver_, isolation_;
    std::optional<std::int64_t> block_weight_, realtime_period_, realtime_runtime_, cpu_count_, cpu_percent_, io_rate_;
    std::int64_t io_bandwidth_ = 0;
    bool publishes_all_ = false;
    std::string health_command_;
    std::int64_t health_interval_ = 0, health_timeout_ = 0, health_start_period_ = 0, health_start_interval_ = 0;
    std::optional<std::int64_t> health_retries_;
    bool has_no_health_check_ = false;
};

} // namespace davit::cli
