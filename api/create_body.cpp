#include "api/create_body.h"

#include <algorithm>

#include "core/error.h"

namespace davit::api {

namespace {

/// Whether a JSON text asks for nothing: null, {}, [], "", 0, false.
bool asks_nothing(std::string_view json) {
    std::string text;
    for (const char c : json)
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') text += c;
    return text.empty() || text == "null" || text == "{}" || text == "[]" || text == R"("")" || text == "0" ||
           text == "false";
}

void refuse_unoffered(const wire_host_config& host) {
    unoffered_host_fields.each([&](const auto& one) {
        if (!asks_nothing((host.*one.member).text))
            throw error(errc::unsupported, "HostConfig.{} is not supported by this version of Davit", one.name);
    });
}

[[noreturn]] void refuse_mac_address() {
    throw error(errc::unsupported, "a chosen MAC address is not supported by this version of Davit");
}

/// The one network that a request may name beside its network mode, and nothing special on it.
void check_networking(const networking_config& networking, const std::string& mode) {
    for (const auto& [name, settings] : networking.endpoints) {
        const auto network = name == "default" ? "bridge" : name;
        if (network != mode)
            throw error(errc::unsupported,
                        "a container on several networks ({} and {}) is not supported by this version of Davit", mode,
                        network);
        if (!settings) continue;
        if (!asks_nothing(settings->ipam_config.text) && settings->ipam_config.text.find(':') != std::string::npos)
            throw error(errc::invalid, "user specified IP address is supported on user defined networks only");
        if (settings->links && !settings->links->empty())
            throw error(errc::unsupported, "links are not supported by this version of Davit");
        if (!settings->mac_address.empty()) refuse_mac_address();
        if (settings->aliases && !settings->aliases->empty())
            throw error(errc::invalid, "network-scoped aliases are only supported for user-defined networks");
    }
}

} // namespace

create_request to_create_request(received_body body, std::string name, std::string platform) {
    if (body.asked_host.isolation.text == R"("default")") body.asked_host.isolation = {}; // the only one of Linux
    refuse_unoffered(body.asked_host);
    create_request request;
    request.name = std::move(name);
    request.platform = std::move(platform);
    request.host = static_cast<const host_config&>(body.asked_host);
    host_config& host = request.host;
    host.capabilities_to_add = std::move(body.asked_host.asked_to_add.words);
    host.capabilities_to_drop = std::move(body.asked_host.asked_to_drop.words);
    if (host.network_mode.empty() || host.network_mode == "default") host.network_mode = "bridge";
    check_networking(body.networking, host.network_mode);
    if (!body.mac_address.empty()) refuse_mac_address();
    if (host.memory_swappiness == -1) host.memory_swappiness.reset();
    if (host.pids_limit && *host.pids_limit <= 0) host.pids_limit.reset();
    if (host.restart.name.empty()) host.restart.name = "no";
    body.command = std::move(body.asked_command.words);
    body.entrypoint = std::move(body.asked_entrypoint.words);
    request.config = static_cast<container_config&&>(std::move(body));
    return request;
}

} // namespace davit::api
