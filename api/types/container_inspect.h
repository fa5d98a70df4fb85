#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/types/graph_driver.h"
#include "api/types/host_config.h"
#include "api/types/mount_point.h"
#include "api/types/network_settings.h"
#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// Docker Engine API: ContainerState.
struct inspected_state {
    std::string status;
    bool is_running = false;
    bool is_paused = false;
    bool is_restarting = false;
    bool was_oom_killed = false;
    bool is_dead = false;
    std::int64_t pid = 0;
    std::int64_t exit_code = 0;
    std::string error;
    std::chrono::system_clock::time_point started_at{};
    std::chrono::system_clock::time_point finished_at{};
};

/// GET /containers/{id}/json. Docker Engine API: ContainerInspectResponse.
struct container_inspect {
    std::string id;
    std::chrono::system_clock::time_point created{};
    std::string path;
    std::vector<std::string> arguments;
    inspected_state state;
    std::string image;
    std::string resolv_conf_path;
    std::string hostname_path;
    std::string hosts_path;
    std::string log_path;
    std::string name; ///< With its leading slash
    std::int64_t restart_count = 0;
    std::string driver;
    std::string platform;
    std::string mount_label;
    std::string process_label;
    std::string app_armor_profile;
    std::optional<std::vector<std::string>> exec_ids;
    wire_host_config host;
    graph_driver graph;
    std::optional<std::int64_t> size_rw;
    std::optional<std::int64_t> size_root_fs;
    std::vector<mount_point> mounts;
    container_config config;
    std::optional<network_settings> network;             ///< Up to v1.51
    std::optional<plain_network_settings> plain_network; ///< From v1.52 on
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::inspected_state> {
    using self = api::inspected_state;
    static constexpr auto list = field_list{field("Status", &self::status),
                                            field("Running", &self::is_running),
                                            field("Paused", &self::is_paused),
                                            field("Restarting", &self::is_restarting),
                                            field("OOMKilled", &self::was_oom_killed),
                                            field("Dead", &self::is_dead),
                                            field("Pid", &self::pid),
                                            field("ExitCode", &self::exit_code),
                                            field("Error", &self::error),
                                            field("StartedAt", &self::started_at),
                                            field("FinishedAt", &self::finished_at)};
};

template <> struct fields_of<api::container_inspect> {
    using self = api::container_inspect;
    static constexpr auto list = field_list{field("Id", &self::id),
                                            field("Created", &self::created),
                                            field("Path", &self::path),
                                            field("Args", &self::arguments),
                                            field("State", &self::state),
                                            field("Image", &self::image),
                                            field("ResolvConfPath", &self::resolv_conf_path),
                                            field("HostnamePath", &self::hostname_path),
                                            field("HostsPath", &self::hosts_path),
                                            field("LogPath", &self::log_path),
                                            field("Name", &self::name),
                                            field("RestartCount", &self::restart_count),
                                            field("Driver", &self::driver),
                                            field("Platform", &self::platform),
                                            field("MountLabel", &self::mount_label),
                                            field("ProcessLabel", &self::process_label),
                                            field("AppArmorProfile", &self::app_armor_profile),
                                            field("ExecIDs", &self::exec_ids, when_empty::null),
                                            field("HostConfig", &self::host),
                                            field("GraphDriver", &self::graph),
                                            field("SizeRw", &self::size_rw, when_empty::omit),
                                            field("SizeRootFs", &self::size_root_fs, when_empty::omit),
                                            field("Mounts", &self::mounts),
                                            field("Config", &self::config),
                                            field("NetworkSettings", &self::network, when_empty::omit),
                                            field("NetworkSettings", &self::plain_network, when_empty::omit)};
};

} // namespace davit
