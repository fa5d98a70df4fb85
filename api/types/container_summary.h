#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types/mount_point.h"
#include "api/types/network_settings.h"
#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

struct port_summary {
    std::string ip;
    std::uint16_t private_port = 0;
    std::uint16_t public_port = 0;
    std::string type; ///< "tcp", "udp", "sctp"
};

struct summarized_host_config {
    std::string network_mode;
};

struct summarized_networks {
    std::map<std::string, endpoint_settings> networks;
};

struct summarized_health {
    std::string status = "none";
    std::int64_t failing_streak = 0;
};

/// One element of GET /containers/json. Docker Engine API: ContainerSummary.
struct container_summary {
    std::string id;
    std::vector<std::string> names; ///< With their leading slashes
    std::string image;
    std::string image_id;
    std::string command;
    std::int64_t created = 0; ///< Unix seconds
    std::vector<port_summary> ports;
    std::optional<std::int64_t> size_rw;
    std::optional<std::int64_t> size_root_fs;
    string_map labels;
    std::string state;  ///< "running"
    std::string status; ///< "Up 2 minutes"
    summarized_host_config host;
    summarized_networks network;
    std::vector<mount_point> mounts;
    std::optional<summarized_health> health; ///< From v1.52 on
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::port_summary> {
    using self = api::port_summary;
    static constexpr auto list =
        field_list{field("IP", &self::ip, when_empty::omit), field("PrivatePort", &self::private_port),
                   field("PublicPort", &self::public_port, when_empty::omit), field("Type", &self::type)};
};

template <> struct fields_of<api::summarized_host_config> {
    static constexpr auto list =
        field_list{field("NetworkMode", &api::summarized_host_config::network_mode, when_empty::omit)};
};

template <> struct fields_of<api::summarized_networks> {
    static constexpr auto list = field_list{field("Networks", &api::summarized_networks::networks)};
};

template <> struct fields_of<api::summarized_health> {
    using self = api::summarized_health;
    static constexpr auto list =
        field_list{field("Status", &self::status), field("FailingStreak", &self::failing_streak)};
};

template <> struct fields_of<api::container_summary> {
    using self = api::container_summary;
    static constexpr auto list = field_list{field("Id", &self::id),
                                            field("Names", &self::names),
                                            field("Image", &self::image),
                                            field("ImageID", &self::image_id),
                                            field("Command", &self::command),
                                            field("Created", &self::created),
                                            field("Ports", &self::ports),
                                            field("SizeRw", &self::size_rw, when_empty::omit),
                                            field("SizeRootFs", &self::size_root_fs, when_empty::omit),
                                            field("Labels", &self::labels),
                                            field("State", &self::state),
                                            field("Status", &self::status),
                                            field("HostConfig", &self::host),
                                            field("NetworkSettings", &self::network),
                                            field("Mounts", &self::mounts),
                                            field("Health", &self::health, when_empty::omit)};
};

} // namespace davit
