#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types/host_config.h"
#include "api/types/network_settings.h"
#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// The body of POST /containers/create: a container's configuration with two objects beside its fields.
struct create_body : container_config {
    wire_host_config host;
    networking_config networking;
    std::string mac_address; ///< How one was asked for up to v1.43
};

/// Docker Engine API: ContainerCreateResponse.
struct create_response {
    std::string id;
    std::vector<std::string> warnings;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::create_body> {
    using self = api::create_body;
    static constexpr auto list = fields_of<container_config>::list.followed_by(
        field_list{field("HostConfig", &self::host), field("NetworkingConfig", &self::networking),
                   field("MacAddress", &self::mac_address, when_empty::omit)});
};

template <> struct fields_of<api::create_response> {
    using self = api::create_response;
    static constexpr auto list = field_list{field("Id", &self::id), field("Warnings", &self::warnings)};
};

} // namespace davit
