#pragma once

#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

struct platform_name {
    std::string name;
};

/// A part of the engine with a version of its own.
struct version_component {
    std::string name;
    std::string version;
    string_map details;
};

/// GET /version. Docker Engine API: SystemVersion.
struct version_response {
    platform_name platform;
    std::vector<version_component> components;
    std::string version;
    std::string api_version;
    std::string minimum_api_version;
    std::string git_commit;
    std::string language_version; ///< Clients print it as the Go version
    std::string os;
    std::string architecture;
    std::string kernel_version;
    std::string build_time;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::platform_name> {
    static constexpr auto list = field_list{field("Name", &api::platform_name::name)};
};

template <> struct fields_of<api::version_component> {
    using self = api::version_component;
    static constexpr auto list = field_list{field("Name", &self::name), field("Version", &self::version),
                                            field("Details", &self::details, when_empty::omit)};
};

template <> struct fields_of<api::version_response> {
    using self = api::version_response;
    static constexpr auto list = field_list{field("Platform", &self::platform),
                                            field("Components", &self::components),
                                            field("Version", &self::version),
                                            field("ApiVersion", &self::api_version),
                                            field("MinAPIVersion", &self::minimum_api_version),
                                            field("GitCommit", &self::git_commit),
                                            field("GoVersion", &self::language_version),
                                            field("Os", &self::os),
                                            field("Arch", &self::architecture),
                                            field("KernelVersion", &self::kernel_version, when_empty::omit),
                                            field("BuildTime", &self::build_time, when_empty::omit)};
};

} // namespace davit
