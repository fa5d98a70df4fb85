#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// The drivers that there are, by kind. Docker Engine API: PluginsInfo.
struct plugins_info {
    std::vector<std::string> volume;
    std::vector<std::string> network;
    std::optional<std::vector<std::string>> authorization;
    std::vector<std::string> log;
};

struct index_info {
    std::string name;
    std::vector<std::string> mirrors;
    bool is_secure = true;
    bool is_official = false;
};

/// Docker Engine API: RegistryServiceConfig.
struct registry_info {
    std::vector<std::string> insecure_cidrs;
    std::map<std::string, index_info> indexes;
    std::optional<std::vector<std::string>> mirrors;
};

struct runtime_info {
    std::string path;
    std::vector<std::string> arguments;
};

struct commit_info {
    std::string id;
};

/// Swarm mode, which Davit does not have: "inactive". Docker Engine API: SwarmInfo.
struct swarm_info {
    std::string node_id;
    std::string node_address;
    std::string local_node_state = "inactive";
    bool control_available = false;
    std::string error;
    std::optional<std::vector<std::string>> remote_managers;
};

struct firewall_info {
    std::string driver;
};

/// GET /info. Docker Engine API: SystemInfo.
struct system_info {
    std::string id;
    std::int64_t containers = 0;
    std::int64_t containers_running = 0;
    std::int64_t containers_paused = 0;
    std::int64_t containers_stopped = 0;
    std::int64_t images = 0;
    std::string driver;
    std::vector<std::vector<std::string>> driver_status;
    std::optional<std::vector<std::string>> system_status;
    plugins_info plugins;
    bool memory_limit = false;
    bool swap_limit = false;
    std::optional<bool> kernel_memory;     ///< Up to v1.41
    std::optional<bool> kernel_tcp_memory; ///< Up to v1.51
    bool cpu_period = false;
    bool cpu_quota = false;
    bool cpu_shares = false;
    bool cpu_set = false;
    bool pids_limit = false;
    bool ipv4_forwarding = false;
    bool debug = false;
    std::int64_t file_descriptors = 0;
    bool oom_kill_disable = false;
    std::int64_t goroutines = 0; ///< Coroutines are not counted: 0
    std::string system_time;     ///< RFC 3339
    std::string logging_driver;
    std::string cgroup_driver;
    std::string cgroup_version;
    std::int64_t event_listeners = 0;
    std::string kernel_version;
    std::string operating_system;
    std::string os_version;
    std::string os_type;
    std::string architecture;
    std::string index_server_address;
    registry_info registry;
    std::int64_t cpus = 0;
    std::int64_t memory_total = 0; ///< Bytes
    std::optional<std::vector<std::string>> generic_resources;
    std::string docker_root_dir;
    std::string http_proxy;
    std::string https_proxy;
    std::string no_proxy;
    std::string name;
    std::vector<std::string> labels;
    bool experimental = false;
    std::string server_version;
    std::map<std::string, runtime_info> runtimes;
    std::string default_runtime;
    swarm_info swarm;
    bool live_restore = false;
    std::string isolation;
    std::string init_binary;
    commit_info containerd_commit;
    commit_info runc_commit;
    commit_info init_commit;
    std::vector<std::string> security_options;
    std::optional<firewall_info> firewall;
    std::vector<std::string> cdi_directories;
    std::optional<std::vector<std::string>> warnings;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::plugins_info> {
    using self = api::plugins_info;
    static constexpr auto list =
        field_list{field("Volume", &self::volume), field("Network", &self::network),
                   field("Authorization", &self::authorization, when_empty::null), field("Log", &self::log)};
};

template <> struct fields_of<api::index_info> {
    using self = api::index_info;
    static constexpr auto list = field_list{field("Name", &self::name), field("Mirrors", &self::mirrors),
                                            field("Secure", &self::is_secure), field("Official", &self::is_official)};
};

template <> struct fields_of<api::registry_info> {
    using self = api::registry_info;
    static constexpr auto list =
        field_list{field("InsecureRegistryCIDRs", &self::insecure_cidrs), field("IndexConfigs", &self::indexes),
                   field("Mirrors", &self::mirrors, when_empty::null)};
};

template <> struct fields_of<api::runtime_info> {
    using self = api::runtime_info;
    static constexpr auto list =
        field_list{field("path", &self::path), field("runtimeArgs", &self::arguments, when_empty::omit)};
};

template <> struct fields_of<api::commit_info> {
    static constexpr auto list = field_list{field("ID", &api::commit_info::id)};
};

template <> struct fields_of<api::swarm_info> {
    using self = api::swarm_info;
    static constexpr auto list = field_list{field("NodeID", &self::node_id),
                                            field("NodeAddr", &self::node_address),
                                            field("LocalNodeState", &self::local_node_state),
                                            field("ControlAvailable", &self::control_available),
                                            field("Error", &self::error),
                                            field("RemoteManagers", &self::remote_managers, when_empty::null)};
};

template <> struct fields_of<api::firewall_info> {
    static constexpr auto list = field_list{field("Driver", &api::firewall_info::driver)};
};

template <> struct fields_of<api::system_info> {
    using self = api::system_info;
    static constexpr auto list = field_list{
        field("ID", &self::id),
        field("Containers", &self::containers),
        field("ContainersRunning", &self::containers_running),
        field("ContainersPaused", &self::containers_paused),
        field("ContainersStopped", &self::containers_stopped),
        field("Images", &self::images),
        field("Driver", &self::driver),
        field("DriverStatus", &self::driver_status),
        field("SystemStatus", &self::system_status, when_empty::omit),
        field("Plugins", &self::plugins),
        field("MemoryLimit", &self::memory_limit),
        field("SwapLimit", &self::swap_limit),
        field("KernelMemory", &self::kernel_memory, when_empty::omit),
        field("KernelMemoryTCP", &self::kernel_tcp_memory, when_empty::omit),
        field("CpuCfsPeriod", &self::cpu_period),
        field("CpuCfsQuota", &self::cpu_quota),
        field("CPUShares", &self::cpu_shares),
        field("CPUSet", &self::cpu_set),
        field("PidsLimit", &self::pids_limit),
        field("IPv4Forwarding", &self::ipv4_forwarding),
        field("Debug", &self::debug),
        field("NFd", &self::file_descriptors),
        field("OomKillDisable", &self::oom_kill_disable),
        field("NGoroutines", &self::goroutines),
        field("SystemTime", &self::system_time),
        field("LoggingDriver", &self::logging_driver),
        field("CgroupDriver", &self::cgroup_driver),
        field("CgroupVersion", &self::cgroup_version, when_empty::omit),
        field("NEventsListener", &self::event_listeners),
        field("KernelVersion", &self::kernel_version),
        field("OperatingSystem", &self::operating_system),
        field("OSVersion", &self::os_version),
        field("OSType", &self::os_type),
        field("Architecture", &self::architecture),
        field("IndexServerAddress", &self::index_server_address),
        field("RegistryConfig", &self::registry),
        field("NCPU", &self::cpus),
        field("MemTotal", &self::memory_total),
        field("GenericResources", &self::generic_resources, when_empty::null),
        field("DockerRootDir", &self::docker_root_dir),
        field("HttpProxy", &self::http_proxy),
        field("HttpsProxy", &self::https_proxy),
        field("NoProxy", &self::no_proxy),
        field("Name", &self::name),
        field("Labels", &self::labels),
        field("ExperimentalBuild", &self::experimental),
        field("ServerVersion", &self::server_version),
        field("Runtimes", &self::runtimes),
        field("DefaultRuntime", &self::default_runtime),
        field("Swarm", &self::swarm),
        field("LiveRestoreEnabled", &self::live_restore),
        field("Isolation", &self::isolation),
        field("InitBinary", &self::init_binary),
        field("ContainerdCommit", &self::containerd_commit),
        field("RuncCommit", &self::runc_commit),
        field("InitCommit", &self::init_commit),
        field("SecurityOptions", &self::security_options),
        field("FirewallBackend", &self::firewall, when_empty::omit),
        field("CDISpecDirs", &self::cdi_directories),
        field("Warnings", &self::warnings, when_empty::null),
    };
};

} // namespace davit
