#include "api/container_views.h"

#include <fmt/format.h>

#include "api/types/human_units.h"

namespace davit::api {

namespace {

using clock = std::chrono::system_clock;

std::int64_t unix_seconds(clock::time_point moment) {
    return std::chrono::duration_cast<std::chrono::seconds>(moment.time_since_epoch()).count();
}

bool has_process(const container_record& container) {
    return container.state == container_state::running || container.state == container_state::paused ||
           container.state == container_state::restarting;
}

/// Entrypoint and command, of which one may be missing.
std::vector<std::string> command_of(const container_record& container) {
    std::vector<std::string> words = container.config.entrypoint.value_or(std::vector<std::string>{});
    const auto& command = container.config.command;
    if (command) words.insert(words.end(), command->begin(), command->end());
    return words;
}

std::string written_command(const container_record& container) {
    std::string text;
    for (const auto& word : command_of(container)) {
        const bool is_first = text.empty();
        if (!is_first) text += ' ';
        text += !is_first && word.find(' ') != std::string::npos ? "'" + word + "'" : word;
    }
    return text;
}

endpoint_settings describe_endpoint(const engine& from, const container_record& container, const std::string& network) {
    endpoint_settings settings;
    if (const auto* driver = from.networks.find(network)) settings.network_id = driver->facts().id;
    if (!has_process(container)) return settings;
    const endpoint& place = container.network;
    settings.endpoint_id = place.id;
    settings.gateway = place.gateway;
    settings.ip_address = place.ipv4;
    settings.ip_prefix_length = place.ipv4_prefix_length;
    settings.mac_address = place.mac;
    return settings;
}

std::map<std::string, endpoint_settings> describe_networks(const engine& from, const container_record& container) {
    const auto network = network_of(container);
    if (network.starts_with("container:")) return {};
    return {{network, describe_endpoint(from, container, network)}};
}

std::vector<mount_point> describe_mounts(const container_record& container) {
    std::vector<mount_point> mounts;
    for (const auto& bind : container.host.binds.value_or(std::vector<std::string>{})) {
        const auto first = bind.find(':');
        if (first == std::string::npos) continue;
        const auto second = bind.find(':', first + 1);
        mount_point mount;
        mount.type = "bind";
        mount.source = bind.substr(0, first);
        mount.destination = bind.substr(first + 1, second - first - 1);
        if (second != std::string::npos) mount.mode = bind.substr(second + 1);
        const auto options = "," + mount.mode + ",";
        mount.is_writable = options.find(",ro,") == std::string::npos;
        mount.propagation = "rprivate";
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

network_settings describe_network(const engine& from, const container_record& container) {
    network_settings settings;
    settings.networks = describe_networks(from, container);
    if (!has_process(container)) return settings;
    settings.sandbox_id = container.id;
    settings.sandbox_key = fmt::format("/proc/{}/ns/net", container.pid);
    for (const auto& [port, nothing] : container.config.exposed_ports) settings.ports[port];
    if (settings.networks.empty() || network_of(container) != "bridge") return settings;
    const auto& place = settings.networks.begin()->second;
    settings.endpoint_id = place.endpoint_id;
    settings.gateway = place.gateway;
    settings.ip_address = place.ip_address;
    settings.ip_prefix_length = place.ip_prefix_length;
    settings.mac_address = place.mac_address;
    return settings;
}

/// What is hidden and protected where the request left it open: the engine's own lists, or nothing.
void describe_protection(const engine& from, host_config& host) {
    if (!host.oom_kill_disabled && !from.host.has_unified_cgroups) host.oom_kill_disabled = false;
    if (host.is_privileged) return;
    if (!host.masked_paths) host.masked_paths = from.profiles.masked_paths();
    if (!host.read_only_paths) host.read_only_paths = from.profiles.read_only_paths();
}

} // namespace

std::string network_of(const container_record& container) {
    const auto& mode = container.host.network_mode;
    return mode.empty() || mode == "default" ? "bridge" : mode;
}

std::string describe_state(const container_record& container, clock::time_point now) {
    const auto since = [&](clock::time_point moment) { return human_duration(now - moment); };
    switch (container.state) {
    case container_state::running:
        return "Up " + since(container.started_at);
    case container_state::paused:
        return "Up " + since(container.started_at) + " (Paused)";
    case container_state::restarting:
        return fmt::format("Restarting ({}) {} ago", container.exit_code, since(container.finished_at));
    case container_state::removing:
        return "Removal In Progress";
    case container_state::dead:
        return "Dead";
    case container_state::created:
        return "Created";
    case container_state::exited:
        break;
    }
    if (container.started_at == clock::time_point{}) return "Created";
    return fmt::format("Exited ({}) {} ago", container.exit_code, since(container.finished_at));
}

container_summary summarize(const engine& from, const container_record& container, api_version version) {
    container_summary summary;
    summary.id = container.id;
    summary.names = {"/" + container.name};
    const auto* image = from.images.find(container.config.image);
    summary.image = image && image->id == container.image_id ? container.config.image : container.image_id;
    summary.image_id = container.image_id;
    summary.command = written_command(container);
    summary.created = unix_seconds(container.created_at);
    if (container.config.labels) summary.labels = *container.config.labels;
    summary.state = to_string(container.state);
    summary.status = describe_state(container, clock::now());
    summary.host.network_mode = network_of(container);
    summary.network.networks = describe_networks(from, container);
    summary.mounts = describe_mounts(container);
    if (has_process(container))
        for (const auto& [port, nothing] : container.config.exposed_ports) {
            port_summary exposed;
            const auto slash = port.find('/');
            exposed.private_port = static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10));
            exposed.type = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
            summary.ports.push_back(std::move(exposed));
        }
    if (version >= api_version{1, 52}) summary.health.emplace();
    return summary;
}

container_inspect inspect(const engine& from, const container_record& container, api_version version) {
    container_inspect seen;
    seen.id = container.id;
    seen.created = container.created_at;
    auto command = command_of(container);
    if (!command.empty()) {
        seen.path = std::move(command.front());
        command.erase(command.begin());
    }
    seen.arguments = std::move(command);
    seen.state.status = to_string(container.state);
    seen.state.is_running = has_process(container);
    seen.state.is_paused = container.state == container_state::paused;
    seen.state.is_restarting = container.state == container_state::restarting;
    seen.state.is_dead = container.state == container_state::dead;
    seen.state.was_oom_killed = container.was_oom_killed;
    seen.state.pid = container.pid;
    seen.state.exit_code = container.exit_code;
    seen.state.error = container.error;
    seen.state.started_at = container.started_at;
    seen.state.finished_at = container.finished_at;
    seen.image = container.image_id;
    const auto directory = from.containers.state_directory(container);
    seen.resolv_conf_path = directory + "/resolv.conf";
    seen.hostname_path = directory + "/hostname";
    seen.hosts_path = directory + "/hosts";
    seen.log_path = from.containers.log_path(container);
    seen.name = "/" + container.name;
    seen.restart_count = container.restart_count;
    seen.driver = from.storage.docker_name();
    seen.platform = "linux";
    seen.mounts = describe_mounts(container);
    static_cast<host_config&>(seen.host) = container.host;
    seen.host.network_mode = network_of(container);
    if (!seen.host.console_size) seen.host.console_size = {0, 0};
    if (!seen.host.port_bindings) seen.host.port_bindings.emplace();
    if (!seen.host.devices) seen.host.devices.emplace();
    describe_protection(from, seen.host);
    seen.config = container.config;
    if (!seen.config.labels) seen.config.labels.emplace();
    auto network = describe_network(from, container);
    if (version >= api_version{1, 52})
        seen.plain_network =
            plain_network_settings{network.sandbox_id, network.sandbox_key, network.ports, std::move(network.networks)};
    else
        seen.network = std::move(network);
    seen.graph.name = seen.driver;
    seen.graph.data = from.storage.container_places(container.id);
    (*seen.graph.data)["ID"] = container.id;
    // It is mounted in the container's own mount namespace only; this is the way there.
    if (container.pid != 0 && seen.graph.data->contains("MergedDir"))
        (*seen.graph.data)["MergedDir"] = fmt::format("/proc/{}/root", container.pid);
    return seen;
}

} // namespace davit::api
