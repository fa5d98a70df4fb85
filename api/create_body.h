#pragma once

#include <utility>

#include "api/command_words.h"
#include "api/types/container_create.h"
#include "core/container_service.h"

namespace davit::api {

/// The host side of a request as it may come: the capabilities also as one text, which is one capability.
struct received_host : wire_host_config {
    command_words asked_to_add;
    command_words asked_to_drop;
};

/// The body of POST /containers/create as it may come: the command and the entrypoint also as one text.
struct received_body : create_body {
    command_words asked_command;
    command_words asked_entrypoint;
    received_host asked_host;
};

/// What a client asks for with POST /containers/create, in the engine's words: Docker's spellings of "nothing asked"
/// are taken for what they mean (a swappiness of -1, a limit of 0 processes, the network "default"). Errors: invalid;
/// unsupported for something of Docker's that this engine does not offer, by name.
create_request to_create_request(received_body body, std::string name, std::string platform);

} // namespace davit::api

namespace davit::api::detail {

template <std::size_t Index> constexpr auto received_host_field() {
    constexpr auto described = field_at<Index>(fields_of<wire_host_config>::list);
    if constexpr (described.name == "CapAdd")
        return field("CapAdd", &received_host::asked_to_add, when_empty::null);
    else if constexpr (described.name == "CapDrop")
        return field("CapDrop", &received_host::asked_to_drop, when_empty::null);
    else
        return described;
}

template <std::size_t... Index> constexpr auto received_host_fields(std::index_sequence<Index...>) {
    return field_list{received_host_field<Index>()...};
}

inline constexpr auto received_host_list =
    received_host_fields(std::make_index_sequence<fields_of<wire_host_config>::list.size()>{});

} // namespace davit::api::detail

template <> struct davit::fields_of<davit::api::received_host> {
    static constexpr auto list = api::detail::received_host_list;
};

namespace davit::api::detail {

template <std::size_t Index> constexpr auto received_field() {
    constexpr auto described = field_at<Index>(fields_of<create_body>::list);
    if constexpr (described.name == "Cmd")
        return field("Cmd", &received_body::asked_command, when_empty::null);
    else if constexpr (described.name == "Entrypoint")
        return field("Entrypoint", &received_body::asked_entrypoint, when_empty::null);
    else if constexpr (described.name == "HostConfig")
        return field("HostConfig", &received_body::asked_host);
    else
        return described;
}

template <std::size_t... Index> constexpr auto received_fields(std::index_sequence<Index...>) {
    return field_list{received_field<Index>()...};
}

inline constexpr auto received_list = received_fields(std::make_index_sequence<fields_of<create_body>::list.size()>{});

} // namespace davit::api::detail

template <> struct davit::fields_of<davit::api::received_body> {
    static constexpr auto list = api::detail::received_list;
};
