#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types/graph_driver.h"
#include "api/types/image_manifest.h"
#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// One element of GET /images/json. Docker Engine API: ImageSummary.
struct image_summary {
    std::int64_t containers = -1; ///< How many use it, from v1.51 on; -1: not counted
    std::int64_t created = 0;     ///< Unix seconds
    std::string id;
    std::optional<string_map> labels;
    std::optional<std::vector<image_manifest>> manifests; ///< Where they were asked for and the engine keeps them
    std::string parent_id;
    std::vector<std::string> repo_digests;
    std::vector<std::string> repo_tags;
    std::int64_t shared_size = -1; ///< -1: not computed
    std::int64_t size = 0;
    std::optional<std::int64_t> virtual_size; ///< Up to v1.43
};

/// What an image says of the containers made of it, without the fields that only a container has (from v1.50 on).
/// Docker Engine API: ImageConfig.
struct image_container_config : container_config {};

/// The same of v1.50 and v1.51, which write some fields where there is nothing to say, too.
struct full_image_container_config : container_config {};

struct image_rootfs {
    std::string type;
    std::vector<std::string> layers;
};

struct image_metadata {
    std::chrono::system_clock::time_point last_tag_time{};
};

/// GET /images/{name}/json. Docker Engine API: ImageInspect.
struct image_inspect {
    std::string id;
    std::vector<std::string> repo_tags;
    std::vector<std::string> repo_digests;
    std::optional<std::string> parent; ///< Up to v1.51
    std::string comment;
    std::string created;                       ///< As the image says
    std::optional<std::string> docker_version; ///< Up to v1.51
    std::string author;
    std::optional<container_config> built_from;            ///< The container it was committed from: empty; up to v1.44
    std::optional<container_config> config;                ///< Up to v1.49
    std::optional<full_image_container_config> own_config; ///< v1.50 and v1.51
    std::optional<image_container_config> short_config;    ///< From v1.52 on
    std::string architecture;
    std::string variant;
    std::string os;
    std::int64_t size = 0;
    std::optional<std::int64_t> virtual_size; ///< Up to v1.43
    graph_driver graph;
    image_rootfs rootfs;
    image_metadata metadata;
};

/// One element of the answer to DELETE /images/{name}. Docker Engine API: ImageDeleteResponseItem.
struct image_delete_item {
    std::string untagged;
    std::string deleted;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::image_summary> {
    using self = api::image_summary;
    static constexpr auto list = field_list{field("Containers", &self::containers),
                                            field("Created", &self::created),
                                            field("Id", &self::id),
                                            field("Labels", &self::labels, when_empty::null),
                                            field("Manifests", &self::manifests, when_empty::omit),
                                            field("ParentId", &self::parent_id),
                                            field("RepoDigests", &self::repo_digests),
                                            field("RepoTags", &self::repo_tags),
                                            field("SharedSize", &self::shared_size),
                                            field("Size", &self::size),
                                            field("VirtualSize", &self::virtual_size, when_empty::omit)};
};

template <> struct fields_of<api::image_container_config> {
    using self = api::image_container_config;
    static constexpr auto list = field_list{field("User", &self::user, when_empty::omit),
                                            field("ExposedPorts", &self::exposed_ports, when_empty::omit),
                                            field("Env", &self::environment, when_empty::omit),
                                            field("Entrypoint", &self::entrypoint, when_empty::omit),
                                            field("Cmd", &self::command, when_empty::omit),
                                            field("Volumes", &self::volumes, when_empty::omit),
                                            field("WorkingDir", &self::working_directory, when_empty::omit),
                                            field("Labels", &self::labels, when_empty::omit),
                                            field("StopSignal", &self::stop_signal, when_empty::omit),
                                            field("Healthcheck", &self::healthcheck, when_empty::omit),
                                            field("OnBuild", &self::on_build, when_empty::omit),
                                            field("Shell", &self::shell, when_empty::omit)};
};

template <> struct fields_of<api::full_image_container_config> {
    using self = api::full_image_container_config;
    static constexpr auto list = field_list{field("User", &self::user),
                                            field("ExposedPorts", &self::exposed_ports, when_empty::omit),
                                            field("Env", &self::environment, when_empty::null),
                                            field("Entrypoint", &self::entrypoint, when_empty::null),
                                            field("Cmd", &self::command, when_empty::null),
                                            field("Volumes", &self::volumes, when_empty::null),
                                            field("WorkingDir", &self::working_directory),
                                            field("Labels", &self::labels, when_empty::null),
                                            field("StopSignal", &self::stop_signal, when_empty::omit),
                                            field("Healthcheck", &self::healthcheck, when_empty::omit),
                                            field("OnBuild", &self::on_build, when_empty::null),
                                            field("Shell", &self::shell, when_empty::omit)};
};

template <> struct fields_of<api::image_rootfs> {
    using self = api::image_rootfs;
    static constexpr auto list =
        field_list{field("Type", &self::type), field("Layers", &self::layers, when_empty::omit)};
};

template <> struct fields_of<api::image_metadata> {
    static constexpr auto list = field_list{field("LastTagTime", &api::image_metadata::last_tag_time)};
};

template <> struct fields_of<api::image_inspect> {
    using self = api::image_inspect;
    static constexpr auto list = field_list{field("Id", &self::id),
                                            field("RepoTags", &self::repo_tags),
                                            field("RepoDigests", &self::repo_digests),
                                            field("Parent", &self::parent, when_empty::omit),
                                            field("Comment", &self::comment),
                                            field("Created", &self::created, when_empty::omit),
                                            field("DockerVersion", &self::docker_version, when_empty::omit),
                                            field("Author", &self::author),
                                            field("ContainerConfig", &self::built_from, when_empty::omit),
                                            field("Config", &self::config, when_empty::omit),
                                            field("Config", &self::own_config, when_empty::omit),
                                            field("Config", &self::short_config, when_empty::omit),
                                            field("Architecture", &self::architecture),
                                            field("Variant", &self::variant, when_empty::omit),
                                            field("Os", &self::os),
                                            field("Size", &self::size),
                                            field("VirtualSize", &self::virtual_size, when_empty::omit),
                                            field("GraphDriver", &self::graph),
                                            field("RootFS", &self::rootfs),
                                            field("Metadata", &self::metadata)};
};

template <> struct fields_of<api::image_delete_item> {
    using self = api::image_delete_item;
    static constexpr auto list = field_list{field("Untagged", &self::untagged, when_empty::omit),
                                            field("Deleted", &self::deleted, when_empty::omit)};
};

} // namespace davit
