#include "modules/containers/container_plan.h"

#include <algorithm>
#include <string_view>

#include "modules/containers/rlimit_names.h"
#include "modules/containers/sysctl_rules.h"

namespace davit {

namespace {

bool has_option(const host_config& host, std::string_view name, std::string_view value) {
    if (!host.security_options) return false;
    return std::any_of(host.security_options->begin(), host.security_options->end(), [&](const std::string& option) {
        return option.size() == name.size() + 1 + value.size() && option.starts_with(name) && option.ends_with(value) &&
               (option[name.size()] == '=' || option[name.size()] == ':');
    });
}

bool wants_no_new_privileges(const host_config& host) {
    if (has_option(host, "no-new-privileges", "true")) return true;
    return host.security_options && std::find(host.security_options->begin(), host.security_options->end(),
                                              "no-new-privileges") != host.security_options->end();
}

void plan_paths(launch_plan& plan, const host_config& host, const security_profiles& profiles) {
    if (host.is_privileged || has_option(host, "systempaths", "unconfined")) return;
    plan.masked_paths = host.masked_paths ? *host.masked_paths : profiles.masked_paths();
    plan.read_only_paths = host.read_only_paths ? *host.read_only_paths : profiles.read_only_paths();
}

void plan_mounts(launch_plan& plan, const container_record& of, const std::string& directory) {
    if (of.host.tmpfs)
        for (const auto& [target, options] : *of.host.tmpfs) {
            mount_plan mount;
            mount.kind = mount_kind::tmpfs;
            mount.target = target;
            mount.options = options.empty() ? "noexec" : options;
            plan.mounts.push_back(std::move(mount));
        }
    for (const char* name : {"resolv.conf", "hostname", "hosts"}) {
        mount_plan mount;
        mount.host_source = directory + "/" + name;
        mount.target = std::string{"/etc/"} + name;
        mount.is_recursive = false;
        mount.is_engine_file = true;
        plan.mounts.push_back(std::move(mount));
    }
}

process_plan plan_process(const container_record& of, const security_profiles& profiles) {
    const container_config& config = of.config;
    const host_config& host = of.host;
    process_plan process;
    process.arguments = resolve_command(config);
    process.environment = planned_environment(config);
    if (!config.working_directory.empty()) process.working_directory = config.working_directory;
    process.user = config.user;
    process.additional_groups = host.additional_groups.value_or(std::vector<std::string>{});
    std::vector<std::string> warnings; // told when the container was created
    process.bounding_capabilities = profiles.capability_bits(
        host.capabilities_to_add.value_or(std::vector<std::string>{}),
        host.capabilities_to_drop.value_or(std::vector<std::string>{}), host.is_privileged, warnings);
    process.no_new_privileges = wants_no_new_privileges(host);
    if (!host.is_privileged && !has_option(host, "seccomp", "unconfined"))
        process.seccomp_filter = profiles.seccomp_filter(process.bounding_capabilities);
    if (host.ulimits)
        for (const ulimit_config& limit : *host.ulimits) process.rlimits.push_back(to_rlimit(limit));
    process.oom_score_adjust = static_cast<int>(host.oom_score_adjust);
    process.wants_tty = config.tty;
    process.wants_stdin = config.open_stdin;
    if (host.console_size && host.console_size->size() == 2) {
        process.tty_rows = static_cast<std::uint16_t>(host.console_size->at(0));
        process.tty_columns = static_cast<std::uint16_t>(host.console_size->at(1));
    }
    return process;
}

std::string_view variable_name(std::string_view assignment) {
    return assignment.substr(0, assignment.find('='));
}

} // namespace

std::string cgroup_path(const container_record& of) {
    std::string_view parent = of.host.cgroup_parent;
    while (parent.starts_with('/')) parent.remove_prefix(1);
    while (parent.ends_with('/')) parent.remove_suffix(1);
    return std::string{parent.empty() ? "davit" : parent} + "/" + of.id;
}

std::vector<std::string> planned_environment(const container_config& config) {
    std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                            "HOSTNAME=" + config.hostname};
    if (config.tty) environment.emplace_back("TERM=xterm");
    if (!config.environment) return environment;
    for (const std::string& variable : *config.environment) {
        const auto same = std::find_if(environment.begin(), environment.end(), [&](const std::string& other) {
            return variable_name(other) == variable_name(variable);
        });
        if (variable.find('=') == std::string::npos) {
            if (same != environment.end()) environment.erase(same);
        } else if (same != environment.end()) {
            *same = variable;
        } else {
            environment.push_back(variable);
        }
    }
    return environment;
}

sandbox_request sandbox_for(const host_config& host) {
    sandbox_request request;
    request.network = host.network_mode;
    request.shape.own_network = host.network_mode != "host";
    request.shape.own_pid = host.pid_mode != "host";
    request.shape.own_ipc = host.ipc_mode != "host";
    request.shape.own_uts = host.uts_mode != "host";
    request.shape.own_cgroup = host.cgroup_namespace_mode != "host";
    return request;
}

launch_plan make_launch_plan(const container_record& of, rootfs_plan rootfs, const plan_host& on,
                             const security_profiles& profiles) {
    launch_plan plan;
    plan.container_id = of.id;
    if (of.host.uts_mode != "host") {
        plan.hostname = of.config.hostname;
        plan.domain_name = of.config.domain_name;
    }
    plan.rootfs = std::move(rootfs);
    plan.rootfs.is_read_only = of.host.has_read_only_rootfs;
    plan_mounts(plan, of, on.containers_directory + "/" + of.id);
    plan_paths(plan, of.host, profiles);
    plan.sysctls = planned_sysctls(of.host);
    plan.shm_size = of.host.ipc_mode == "none" ? 0 : static_cast<std::uint64_t>(of.host.shm_size);
    plan.is_privileged = of.host.is_privileged;
    plan.process = plan_process(of, profiles);
    plan.cgroup.path = cgroup_path(of);
    plan.cgroup.settings = cgroup_settings(of.host, on.cgroups);
    plan.cgroup.devices_are_open = of.host.is_privileged;
    return plan;
}

} // namespace davit
