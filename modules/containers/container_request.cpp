#include "modules/containers/container_request.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "io/socket_address.h"
#include "modules/containers/container_names.h"
#include "modules/containers/rlimit_names.h"
#include "modules/containers/signal_names.h"
#include "modules/containers/sysctl_rules.h"

namespace davit {

namespace {

constexpr std::int64_t default_shm_size = 64 << 20;

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// For texts that end up in a line of a file.
void check_line(std::string_view what, std::string_view text) {
    if (has_control_character(text)) throw error(errc::invalid, "{} must not hold control characters", what);
}

void check_lines(std::string_view what, const std::optional<std::vector<std::string>>& texts) {
    if (!texts) return;
    for (const std::string& text : *texts) check_line(what, text);
}

/// For texts that are passed to a process: everything but NUL.
void check_argument(std::string_view what, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) throw error(errc::invalid, "{} must not hold a NUL byte", what);
}

void check_arguments(std::string_view what, const std::optional<std::vector<std::string>>& texts) {
    if (!texts) return;
    for (const std::string& text : *texts) check_argument(what, text);
}

bool is_host_label(std::string_view label) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !label.empty() && label.size() <= 63 && is_plain(label.front()) &&
           std::all_of(label.begin(), label.end(), [&](char c) { return is_plain(c) || c == '-' || c == '_'; });
}

void check_hostname(const std::string& hostname) {
    if (hostname.empty()) return;
    std::string_view rest = hostname;
    bool is_good = hostname.size() <= 64; // HOST_NAME_MAX
    while (is_good && !rest.empty()) {
        const auto dot = rest.find('.');
        is_good = is_host_label(rest.substr(0, dot));
        rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    }
    if (!is_good) throw error(errc::invalid, "invalid hostname format: {}", hostname);
}

void check_environment(const std::optional<std::vector<std::string>>& environment) {
    if (!environment) return;
    for (const std::string& variable : *environment) {
        if (variable.empty() || variable.front() == '=')
            throw error(errc::invalid, "invalid environment variable: {}", variable);
        check_argument("an environment variable", variable);
    }
    for (const std::string& variable : *environment)
        // HOME may be looked up again by programs that write it into passwd-like files (CVE-2022-4318).
        if (variable.starts_with("HOME=")) check_line("HOME", variable);
}

void check_process(const container_config& config) {
    check_hostname(config.hostname);
    check_line("the domain name", config.domain_name);
    check_line("the user", config.user);
    check_environment(config.environment);
    check_arguments("the command", config.command);
    check_arguments("the entrypoint", config.entrypoint);
    check_argument("the working directory", config.working_directory);
    if (!config.working_directory.empty() && !config.working_directory.starts_with('/'))
        throw error(errc::invalid, "the working directory '{}' is invalid, it needs to be an absolute path",
                    config.working_directory);
    if (!config.stop_signal.empty()) parse_signal(config.stop_signal);
    if (config.healthcheck && !config.healthcheck->test.empty() && config.healthcheck->test.front() != "NONE")
        throw error(errc::unsupported, "health checks are not supported yet");
}

/// A mode that is shared with nobody, with the host, or with another container.
void check_mode(std::string_view what, std::string_view mode, std::initializer_list<std::string_view> known) {
    if (mode.empty() || std::find(known.begin(), known.end(), mode) != known.end()) return;
    if (mode.starts_with("container:"))
        throw error(errc::unsupported, "joining another container's {} namespace is not supported yet", what);
    throw error(errc::invalid, "invalid {} mode: {}", what, mode);
}

void check_network_mode(std::string_view mode) {
    // Whether there is a network of that name is seen at the start, as Docker does.
    if (mode.starts_with("container:"))
        throw error(errc::unsupported, "joining another container's network is not supported yet");
    // Names of networks follow the rule of containers' names.
    if (!mode.empty() && (mode.starts_with('/') || !is_container_name(mode)))
        throw error(errc::invalid, "{:?} is no name of a network", mode);
}

void check_extra_hosts(const std::optional<std::vector<std::string>>& extra_hosts) {
    if (!extra_hosts) return;
    for (const std::string& extra : *extra_hosts) {
        check_line("an extra host", extra);
        const auto separator = extra.find_first_of(":=");
        if (separator == 0 || separator == std::string::npos || separator + 1 == extra.size())
            throw error(errc::invalid, "bad format for add-host: \"{}\"", extra);
        std::string_view address = std::string_view{extra}.substr(separator + 1);
        if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
        if (address != "host-gateway" && !io::socket_address::is_literal(address))
            throw error(errc::invalid, "invalid IP address in add-host: \"{}\"", address);
    }
}

void check_restart_policy(const host_config& host) {
    const std::string& name = host.restart.name;
    constexpr std::array<std::string_view, 5> known = {"", "no", "always", "unless-stopped", "on-failure"};
    if (std::find(known.begin(), known.end(), name) == known.end())
        throw error(errc::invalid,
                    "invalid restart policy: unknown policy '{}'; use one of 'no', 'always', 'on-failure', "
                    "or 'unless-stopped'",
                    name);
    if (host.restart.maximum_retry_count < 0)
        throw error(errc::invalid, "invalid restart policy: maximum retry count cannot be negative");
    if (host.restart.maximum_retry_count > 0 && name != "on-failure")
        throw error(errc::invalid, "invalid restart policy: maximum retry count can only be used with 'on-failure'");
    if (host.auto_remove && !name.empty() && name != "no")
        throw error(errc::invalid, "can't create 'AutoRemove' container with restart policy");
}

void check_tmpfs(const std::optional<string_map>& tmpfs) {
    if (!tmpfs) return;
    for (const auto& [target, options] : *tmpfs) {
        check_argument("a tmpfs's target", target);
        check_argument("a tmpfs's options", options);
        if (!target.starts_with('/'))
            throw error(errc::invalid, "invalid mount path: '{}' mount path must be absolute", target);
        // What links in the image make of it, the shim judges; this refuses what is plain from the name.
        if (target.find("..") != std::string::npos || target == "/" || target == "/proc" ||
            target.starts_with("/proc/") || target == "/sys" || target.starts_with("/sys/"))
            throw error(errc::invalid, "invalid mount path: '{}' can't be mounted over", target);
    }
}

void check_security_options(const std::optional<std::vector<std::string>>& options) {
    if (!options) return;
    for (const std::string& option : *options) {
        const bool is_known =
            option == "no-new-privileges" || option == "no-new-privileges:true" || option == "no-new-privileges=true" ||
            option == "no-new-privileges:false" || option == "no-new-privileges=false" ||
            option == "seccomp=unconfined" || option == "seccomp:unconfined" || option == "seccomp=builtin" ||
            option == "apparmor=unconfined" || option == "apparmor:unconfined" || option == "label=disable" ||
            option == "label:disable" || option == "systempaths=unconfined";
        if (!is_known) throw error(errc::unsupported, "the security option {} is not supported yet", option);
    }
}

template <class T> bool is_asked(const std::optional<T>& list) {
    return list && !list->empty();
}

void refuse(std::string_view what) {
    throw error(errc::unsupported, "{} not supported yet", what);
}

void refuse_what_is_not_offered(const host_config& host, const container_config& config) {
    if (is_asked(host.binds)) refuse("bind mounts and volumes are");
    if (is_asked(host.mounts)) refuse("mounts are");
    if (is_asked(host.volumes_from)) refuse("volumes of other containers are");
    if (host.publishes_all_ports) refuse("publishing ports is");
    if (is_asked(host.port_bindings)) refuse("publishing ports is");
    if (is_asked(host.links)) refuse("links are");
    if (is_asked(host.devices)) refuse("host devices are");
    if (is_asked(host.device_requests)) refuse("device requests are");
    if (is_asked(host.device_cgroup_rules)) refuse("device rules are");
    if (!host.user_namespace_mode.empty() && host.user_namespace_mode != "host") refuse("user namespaces are");
    if (host.wants_init.value_or(false)) refuse("an init process (--init) is");
    if (!host.runtime.empty() && host.runtime != "native" && host.runtime != "runc")
        throw error(errc::invalid, "unknown or invalid runtime name: {}", host.runtime);
    if (config.network_disabled.value_or(false)) refuse("a container without any network (use --network none) is");
}

} // namespace

void check_create_request(const create_request& request, const host_processors& on,
                          std::vector<std::string>& warnings) {
    if (!request.name.empty() && !is_container_name(request.name))
        throw error(errc::invalid, "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                    request.name);
    if (request.config.image.empty()) throw error(errc::invalid, "no image specified");
    const host_config& host = request.host;
    check_process(request.config);
    refuse_what_is_not_offered(host, request.config);
    check_network_mode(host.network_mode);
    check_mode("PID", host.pid_mode, {"host"});
    check_mode("IPC", host.ipc_mode, {"none", "private", "shareable", "host"});
    check_mode("UTS", host.uts_mode, {"host"});
    check_mode("cgroup namespace", host.cgroup_namespace_mode, {"private", "host"});
    if (host.uts_mode == "host" && !request.config.hostname.empty())
        throw error(errc::invalid, "conflicting options: hostname and the UTS mode");
    check_extra_hosts(host.extra_hosts);
    check_lines("a DNS server", host.dns);
    check_lines("a DNS search domain", host.dns_search);
    check_lines("a DNS option", host.dns_options);
    check_lines("an additional group", host.additional_groups);
    check_restart_policy(host);
    check_tmpfs(host.tmpfs);
    check_security_options(host.security_options);
    if (host.shm_size < 0) throw error(errc::invalid, "SHM size can not be less than 0");
    if (host.oom_score_adjust < -1000 || host.oom_score_adjust > 1000)
        throw error(errc::invalid, "Invalid value {}, range for oom score adj is [-1000, 1000]", host.oom_score_adjust);
    if (host.console_size && !host.console_size->empty() &&
        (host.console_size->size() != 2 ||
         std::any_of(host.console_size->begin(), host.console_size->end(), [](auto n) { return n < 0 || n > 65535; })))
        throw error(errc::invalid, "a console's size is two numbers, rows and columns");
    if (host.ulimits)
        for (const ulimit_config& limit : *host.ulimits) to_rlimit(limit);
    check_cgroup_limits(host, on, warnings);
    check_sysctls(host);
    if (is_asked(request.config.volumes))
        warnings.push_back("Volumes that are not named in the request are plain directories of the container.");
}

std::string cleaned_path(std::string_view path) {
    std::string clean = std::filesystem::path{path}.lexically_normal().string();
    if (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
    return clean;
}

host_config with_host_defaults(host_config asked) {
    if (asked.network_mode.empty() || asked.network_mode == "default") asked.network_mode = "bridge";
    if (asked.shm_size == 0) asked.shm_size = default_shm_size;
    if (asked.ipc_mode.empty()) asked.ipc_mode = "private";
    if (asked.cgroup_namespace_mode.empty()) asked.cgroup_namespace_mode = "private";
    if (asked.runtime.empty()) asked.runtime = "native";
    if (asked.restart.name.empty()) asked.restart.name = "no";
    const auto& options = asked.security_options;
    if (options && std::find(options->begin(), options->end(), "systempaths=unconfined") != options->end()) {
        asked.masked_paths.emplace();
        asked.read_only_paths.emplace();
    }
    // Docker's default: as much swap as memory.
    if (asked.memory > 0 && asked.memory_swap == 0) asked.memory_swap = 2 * asked.memory;
    return asked;
}

} // namespace davit
