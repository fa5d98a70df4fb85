#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/fields.h"

namespace davit {

using string_map = std::map<std::string, std::string>;
using string_set = std::map<std::string, empty_object>;

/// A health check as an image or a request describes it. Durations are nanoseconds, 0 for the default.
struct health_config {
    std::vector<std::string> test;
    std::int64_t interval = 0;
    std::int64_t timeout = 0;
    std::int64_t start_period = 0;
    std::int64_t start_interval = 0;
    std::int64_t retries = 0;

    bool operator==(const health_config&) const = default;
};

/// What runs in a container: the same object in an image's configuration, in a create request and in inspect.
/// Docker Engine API: ContainerConfig; OCI image-spec, config.md.
struct container_config {
    std::string hostname;
    std::string domain_name;
    std::string user;
    bool attach_stdin = false;
    bool attach_stdout = false;
    bool attach_stderr = false;
    string_set exposed_ports;
    bool tty = false;
    bool open_stdin = false;
    bool stdin_once = false;
    std::optional<std::vector<std::string>> environment;
    std::optional<std::vector<std::string>> command; ///< Nothing is not the same as empty: see `resolve_command`
    std::optional<health_config> healthcheck;
    std::string image; ///< As the user named it
    std::optional<string_set> volumes;
    std::string working_directory;
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<bool> network_disabled;
    std::optional<std::vector<std::string>> on_build;
    std::optional<string_map> labels;
    std::string stop_signal;
    std::optional<std::int64_t> stop_timeout; ///< Seconds
    std::optional<std::vector<std::string>> shell;

    bool operator==(const container_config&) const = default;
};

struct log_config {
    std::string type; ///< Driver name; empty for the engine's default
    string_map config;

    bool operator==(const log_config&) const = default;
};

struct restart_policy {
    std::string name; ///< "", "no", "always", "unless-stopped", "on-failure"
    std::int64_t maximum_retry_count = 0;

    bool operator==(const restart_policy&) const = default;
};

struct ulimit_config {
    std::string name;
    std::int64_t soft = 0;
    std::int64_t hard = 0;

    bool operator==(const ulimit_config&) const = default;
};

/// How a container stands on its host. Docker Engine API: HostConfig.
struct host_config {
    std::optional<std::vector<std::string>> binds;
    std::string container_id_file;
    log_config log;
    std::string network_mode; ///< "default", "bridge", "none", "host"
    restart_policy restart;
    bool auto_remove = false;
    std::optional<std::vector<std::int64_t>> console_size; ///< Rows, columns
    std::optional<std::vector<std::string>> capabilities_to_add;
    std::optional<std::vector<std::string>> capabilities_to_drop;
    std::string cgroup_namespace_mode;
    std::optional<std::vector<std::string>> dns;
    std::optional<std::vector<std::string>> dns_options;
    std::optional<std::vector<std::string>> dns_search;
    std::optional<std::vector<std::string>> extra_hosts;
    std::optional<std::vector<std::string>> additional_groups;
    std::string ipc_mode;
    std::int64_t oom_score_adjust = 0;
    std::string pid_mode;
    bool is_privileged = false;
    bool has_read_only_rootfs = false;
    std::optional<std::vector<std::string>> security_options;
    std::string uts_mode;
    std::int64_t shm_size = 0; ///< Bytes, 0 for the default
    std::optional<string_map> sysctls;
    std::optional<string_map> tmpfs;
    std::string runtime;
    std::int64_t cpu_shares = 0;
    std::int64_t memory = 0; ///< Bytes, 0 for no limit
    std::int64_t nano_cpus = 0;
    std::string cgroup_parent;
    std::int64_t cpu_period = 0; ///< Microseconds
    std::int64_t cpu_quota = 0;  ///< Microseconds
    std::string cpuset_cpus;
    std::string cpuset_mems;
    std::int64_t memory_reservation = 0;
    std::int64_t memory_swap = 0;
    std::optional<std::int64_t> memory_swappiness;
    std::optional<bool> oom_kill_disabled;
    std::optional<std::int64_t> pids_limit;
    std::optional<std::vector<ulimit_config>> ulimits;
    std::optional<bool> wants_init;
    std::optional<std::vector<std::string>> masked_paths;
    std::optional<std::vector<std::string>> read_only_paths;

    // What the engine does not do yet: kept as it was asked, so that asking for it is refused and not ignored.
    std::optional<std::map<std::string, raw_json>> port_bindings;
    bool publishes_all_ports = false;
    std::optional<std::vector<raw_json>> mounts;
    std::optional<std::vector<std::string>> volumes_from;
    std::optional<std::vector<std::string>> links;
    std::optional<std::vector<raw_json>> devices;
    std::optional<std::vector<raw_json>> device_requests;
    std::optional<std::vector<std::string>> device_cgroup_rules;
    std::string user_namespace_mode;

    bool operator==(const host_config&) const = default;
};

/// Docker's rule for what runs (API ContainerCreate): a request's entrypoint replaces the image's and drops the image's
/// command; a request's command replaces the image's command. Everything else of the image fills what the request left
/// open: environment by variable name, user, working directory, labels by key, exposed ports, volumes, stop signal.
container_config merge_image_config(container_config asked, const container_config& image);

/// Entrypoint followed by command. Errors: invalid when both are empty ("no command specified").
std::vector<std::string> resolve_command(const container_config& config);

template <> struct fields_of<health_config> {
    using self = health_config;
    static constexpr auto list = field_list{
        field("Test", &self::test, when_empty::omit),
        field("Interval", &self::interval, when_empty::omit),
        field("Timeout", &self::timeout, when_empty::omit),
        field("StartPeriod", &self::start_period, when_empty::omit),
        field("StartInterval", &self::start_interval, when_empty::omit),
        field("Retries", &self::retries, when_empty::omit),
    };
};

template <> struct fields_of<container_config> {
    using self = container_config;
    static constexpr auto list = field_list{
        field("Hostname", &self::hostname),
        field("Domainname", &self::domain_name),
        field("User", &self::user),
        field("AttachStdin", &self::attach_stdin),
        field("AttachStdout", &self::attach_stdout),
        field("AttachStderr", &self::attach_stderr),
        field("ExposedPorts", &self::exposed_ports, when_empty::omit),
        field("Tty", &self::tty),
        field("OpenStdin", &self::open_stdin),
        field("StdinOnce", &self::stdin_once),
        field("Env", &self::environment, when_empty::null),
        field("Cmd", &self::command, when_empty::null),
        field("Healthcheck", &self::healthcheck, when_empty::omit),
        field("Image", &self::image),
        field("Volumes", &self::volumes, when_empty::null),
        field("WorkingDir", &self::working_directory),
        field("Entrypoint", &self::entrypoint, when_empty::null),
        field("NetworkDisabled", &self::network_disabled, when_empty::omit),
        field("OnBuild", &self::on_build, when_empty::null),
        field("Labels", &self::labels, when_empty::null),
        field("StopSignal", &self::stop_signal, when_empty::omit),
        field("StopTimeout", &self::stop_timeout, when_empty::omit),
        field("Shell", &self::shell, when_empty::omit),
    };
};

template <> struct fields_of<log_config> {
    using self = log_config;
    static constexpr auto list = field_list{field("Type", &self::type), field("Config", &self::config)};
};

template <> struct fields_of<restart_policy> {
    using self = restart_policy;
    static constexpr auto list =
        field_list{field("Name", &self::name), field("MaximumRetryCount", &self::maximum_retry_count)};
};

template <> struct fields_of<ulimit_config> {
    using self = ulimit_config;
    static constexpr auto list =
        field_list{field("Name", &self::name), field("Hard", &self::hard), field("Soft", &self::soft)};
};

template <> struct fields_of<host_config> {
    using self = host_config;
    static constexpr auto list = field_list{
        field("Binds", &self::binds, when_empty::null),
        field("ContainerIDFile", &self::container_id_file),
        field("LogConfig", &self::log),
        field("NetworkMode", &self::network_mode),
        field("RestartPolicy", &self::restart),
        field("AutoRemove", &self::auto_remove),
        field("ConsoleSize", &self::console_size, when_empty::omit),
        field("CapAdd", &self::capabilities_to_add, when_empty::null),
        field("CapDrop", &self::capabilities_to_drop, when_empty::null),
        field("CgroupnsMode", &self::cgroup_namespace_mode),
        field("Dns", &self::dns, when_empty::null),
        field("DnsOptions", &self::dns_options, when_empty::null),
        field("DnsSearch", &self::dns_search, when_empty::null),
        field("ExtraHosts", &self::extra_hosts, when_empty::null),
        field("GroupAdd", &self::additional_groups, when_empty::null),
        field("IpcMode", &self::ipc_mode),
        field("OomScoreAdj", &self::oom_score_adjust),
        field("PidMode", &self::pid_mode),
        field("Privileged", &self::is_privileged),
        field("ReadonlyRootfs", &self::has_read_only_rootfs),
        field("SecurityOpt", &self::security_options, when_empty::null),
        field("UTSMode", &self::uts_mode),
        field("ShmSize", &self::shm_size),
        field("Sysctls", &self::sysctls, when_empty::omit),
        field("Tmpfs", &self::tmpfs, when_empty::omit),
        field("Runtime", &self::runtime),
        field("CpuShares", &self::cpu_shares),
        field("Memory", &self::memory),
        field("NanoCpus", &self::nano_cpus),
        field("CgroupParent", &self::cgroup_parent),
        field("PortBindings", &self::port_bindings, when_empty::omit),
        field("PublishAllPorts", &self::publishes_all_ports),
        field("Mounts", &self::mounts, when_empty::omit),
        field("VolumesFrom", &self::volumes_from, when_empty::null),
        field("Links", &self::links, when_empty::null),
        field("Devices", &self::devices, when_empty::omit),
        field("DeviceRequests", &self::device_requests, when_empty::null),
        field("DeviceCgroupRules", &self::device_cgroup_rules, when_empty::null),
        field("UsernsMode", &self::user_namespace_mode),
        field("CpuPeriod", &self::cpu_period),
        field("CpuQuota", &self::cpu_quota),
        field("CpusetCpus", &self::cpuset_cpus),
        field("CpusetMems", &self::cpuset_mems),
        field("MemoryReservation", &self::memory_reservation),
        field("MemorySwap", &self::memory_swap),
        field("MemorySwappiness", &self::memory_swappiness, when_empty::null),
        field("OomKillDisable", &self::oom_kill_disabled, when_empty::null),
        field("PidsLimit", &self::pids_limit, when_empty::null),
        field("Ulimits", &self::ulimits, when_empty::null),
        field("Init", &self::wants_init, when_empty::omit),
        field("MaskedPaths", &self::masked_paths, when_empty::null),
        field("ReadonlyPaths", &self::read_only_paths, when_empty::null),
    };
};

} // namespace davit
