#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// A container's place in one network; in a request, the place that is asked for. Docker Engine API: EndpointSettings.
struct endpoint_settings {
    raw_json ipam_config;
    std::optional<std::vector<std::string>> links;
    std::optional<std::vector<std::string>> aliases;
    std::string mac_address;
    std::optional<string_map> driver_options;
    std::int64_t gateway_priority = 0;
    std::string network_id;
    std::string endpoint_id;
    std::string gateway;
    std::string ip_address;
    std::int64_t ip_prefix_length = 0;
    std::string ipv6_gateway;
    std::string global_ipv6_address;
    std::int64_t global_ipv6_prefix_length = 0;
    std::optional<std::vector<std::string>> dns_names;
};

struct port_binding {
    std::string host_ip;
    std::string host_port;
};

using port_map = std::map<std::string, std::optional<std::vector<port_binding>>>;

/// Docker Engine API: NetworkSettings. The fields after `ports` repeat the default network's, up to v1.51.
struct network_settings {
    std::string bridge;
    std::string sandbox_id;
    std::string sandbox_key;
    port_map ports;
    bool hairpin_mode = false;
    std::string link_local_ipv6_address;
    std::int64_t link_local_ipv6_prefix_length = 0;
    std::optional<std::vector<std::string>> secondary_ip_addresses;
    std::optional<std::vector<std::string>> secondary_ipv6_addresses;
    std::string endpoint_id;
    std::string gateway;
    std::string global_ipv6_address;
    std::int64_t global_ipv6_prefix_length = 0;
    std::string ip_address;
    std::int64_t ip_prefix_length = 0;
    std::string ipv6_gateway;
    std::string mac_address;
    std::map<std::string, endpoint_settings> networks;
};

/// As v1.52 and later write it: without the default network's copy.
struct plain_network_settings {
    std::string sandbox_id;
    std::string sandbox_key;
    port_map ports;
    std::map<std::string, endpoint_settings> networks;
};

/// What a create request asks of its networks. Docker Engine API: NetworkingConfig.
struct networking_config {
    std::map<std::string, std::optional<endpoint_settings>> endpoints;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::endpoint_settings> {
    using self = api::endpoint_settings;
    static constexpr auto list = field_list{field("IPAMConfig", &self::ipam_config),
                                            field("Links", &self::links, when_empty::null),
                                            field("Aliases", &self::aliases, when_empty::null),
                                            field("MacAddress", &self::mac_address),
                                            field("DriverOpts", &self::driver_options, when_empty::null),
                                            field("GwPriority", &self::gateway_priority),
                                            field("NetworkID", &self::network_id),
                                            field("EndpointID", &self::endpoint_id),
                                            field("Gateway", &self::gateway),
                                            field("IPAddress", &self::ip_address),
                                            field("IPPrefixLen", &self::ip_prefix_length),
                                            field("IPv6Gateway", &self::ipv6_gateway),
                                            field("GlobalIPv6Address", &self::global_ipv6_address),
                                            field("GlobalIPv6PrefixLen", &self::global_ipv6_prefix_length),
                                            field("DNSNames", &self::dns_names, when_empty::null)};
};

template <> struct fields_of<api::port_binding> {
    using self = api::port_binding;
    static constexpr auto list = field_list{field("HostIp", &self::host_ip), field("HostPort", &self::host_port)};
};

template <> struct fields_of<api::network_settings> {
    using self = api::network_settings;
    static constexpr auto list =
        field_list{field("Bridge", &self::bridge),
                   field("SandboxID", &self::sandbox_id),
                   field("SandboxKey", &self::sandbox_key),
                   field("Ports", &self::ports),
                   field("HairpinMode", &self::hairpin_mode),
                   field("LinkLocalIPv6Address", &self::link_local_ipv6_address),
                   field("LinkLocalIPv6PrefixLen", &self::link_local_ipv6_prefix_length),
                   field("SecondaryIPAddresses", &self::secondary_ip_addresses, when_empty::null),
                   field("SecondaryIPv6Addresses", &self::secondary_ipv6_addresses, when_empty::null),
                   field("EndpointID", &self::endpoint_id),
                   field("Gateway", &self::gateway),
                   field("GlobalIPv6Address", &self::global_ipv6_address),
                   field("GlobalIPv6PrefixLen", &self::global_ipv6_prefix_length),
                   field("IPAddress", &self::ip_address),
                   field("IPPrefixLen", &self::ip_prefix_length),
                   field("IPv6Gateway", &self::ipv6_gateway),
                   field("MacAddress", &self::mac_address),
                   field("Networks", &self::networks)};
};

template <> struct fields_of<api::plain_network_settings> {
    using self = api::plain_network_settings;
    static constexpr auto list =
        field_list{field("SandboxID", &self::sandbox_id), field("SandboxKey", &self::sandbox_key),
                   field("Ports", &self::ports), field("Networks", &self::networks)};
};

template <> struct fields_of<api::networking_config> {
    static constexpr auto list = field_list{field("EndpointsConfig", &api::networking_config::endpoints)};
};

} // namespace davit
