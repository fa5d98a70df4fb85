#include "api/system_views.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <fmt/format.h>

#include "api/api_version.h"
#include "api/engine_version.h"
#include "core/rfc3339.h"

namespace davit::api {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

bool forwards_ipv4() {
    char value = '0';
    std::ifstream{"/proc/sys/net/ipv4/ip_forward"} >> value;
    return value == '1';
}

/// Whether overlayfs does so on this host when a mount does not say.
bool overlay_defaults_to(const std::string& feature) {
    char value = 'N';
    std::ifstream{"/sys/module/overlay/parameters/" + feature} >> value;
    return value == 'Y';
}

std::int64_t open_descriptors() {
    std::error_code failed;
    std::int64_t count = 0;
    for (auto at = std::filesystem::directory_iterator("/proc/self/fd", failed); !failed && at != end(at);
         at.increment(failed))
        ++count;
    return count;
}

/// The file system below a path, by Docker's names; empty when it can't be told.
std::string file_system_of(const std::string& path) {
    struct statfs about{};
    if (::statfs(path.c_str(), &about) != 0) return {};
    switch (static_cast<std::uint32_t>(about.f_type)) {
    case EXT4_SUPER_MAGIC:
        return "extfs";
    case XFS_SUPER_MAGIC:
        return "xfs";
    case BTRFS_SUPER_MAGIC:
        return "btrfs";
    case TMPFS_MAGIC:
        return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
        return "overlayfs";
    case F2FS_SUPER_MAGIC:
        return "f2fs";
    default:
        return "<unknown>";
    }
}

void count_containers(const engine& of, system_info& into) {
    for (const auto* container : of.containers.list()) {
        ++into.containers;
        if (container->state == container_state::paused)
            ++into.containers_paused;
        else if (container->state == container_state::running || container->state == container_state::restarting)
            ++into.containers_running;
        else
            ++into.containers_stopped;
    }
}

void describe_registries(const engine& of, registry_info& into) {
    into.insecure_cidrs = {"::1/128", "127.0.0.0/8"};
    into.indexes["docker.io"] = index_info{"docker.io", {}, true, true};
    for (const auto& registry : of.config.list("insecure-registry")) {
        if (registry.find('/') != std::string::npos)
            into.insecure_cidrs.push_back(registry);
        else
            into.indexes[registry] = index_info{registry, {}, false, false};
    }
}

} // namespace

version_response describe_version(const engine& of) {
    version_response about;
    about.platform.name = "Davit";
    about.version = engine_version();
    about.api_version = to_string(newest_version);
    about.minimum_api_version = to_string(oldest_version);
    about.git_commit = engine_commit();
    about.language_version = fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
    about.os = "linux";
    about.architecture = of.host.architecture;
    about.kernel_version = of.host.kernel_version;
    about.build_time = engine_commit_time();
    version_component component;
    component.name = "Engine";
    component.version = about.version;
    component.details = {{"ApiVersion", about.api_version},
                         {"BuildTime", about.build_time},
                         {"Arch", about.architecture},
                         {"Experimental", "false"},
                         {"GitCommit", about.git_commit},
                         {"GoVersion", about.language_version},
                         {"KernelVersion", about.kernel_version},
                         {"MinAPIVersion", about.minimum_api_version},
                         {"Os", about.os}};
    about.components.push_back(std::move(component));
    return about;
}

system_info describe_system(const engine& of, api_version version) {
    system_info about;
    about.id = of.id;
    count_containers(of, about);
    about.images = static_cast<std::int64_t>(of.images.list().size());
    about.driver = of.storage.docker_name();
    if (about.driver == "overlay2") {
        if (auto below = file_system_of(of.config.text("data-root")); !below.empty())
            about.driver_status.push_back({"Backing Filesystem", std::move(below)});
        // Without it nothing could be mounted; and what overlayfs notes is noted in trusted attributes.
        about.driver_status.push_back({"Supports d_type", "true"});
        about.driver_status.push_back({"Using metacopy", overlay_defaults_to("metacopy") ? "true" : "false"});
        about.driver_status.push_back({"Native Overlay Diff", overlay_defaults_to("redirect_dir") ? "false" : "true"});
        about.driver_status.push_back({"userxattr", "false"});
    }
    about.plugins.volume = {"local"};
    for (const auto& [name, driver] : of.networks.all()) about.plugins.network.push_back(name);
    about.plugins.log = of.log_drivers;
    // Limits that only version 1 of cgroups has.
    if (version < api_version{1, 52}) about.kernel_tcp_memory = !of.host.has_unified_cgroups;
    if (version < api_version{1, 42}) about.kernel_memory = !of.host.has_unified_cgroups;
    about.memory_limit = about.swap_limit = about.cpu_period = about.cpu_quota = about.cpu_shares = about.cpu_set =
        about.pids_limit = true;
    about.ipv4_forwarding = forwards_ipv4();
    about.debug = of.config.flag("debug");
    about.file_descriptors = open_descriptors();
    about.oom_kill_disable = !of.host.has_unified_cgroups;
    about.system_time = to_rfc3339(std::chrono::system_clock::now());
    about.logging_driver = of.config.text("log-driver");
    about.cgroup_driver = "cgroupfs";
    about.cgroup_version = of.host.has_unified_cgroups ? "2" : "1";
    about.event_listeners = of.event_listeners;
    about.kernel_version = of.host.kernel_version;
    about.operating_system = of.host.operating_system;
    about.os_version = of.host.os_version;
    about.os_type = "linux";
    about.architecture = of.host.machine;
    about.index_server_address = "https://index.docker.io/v1/";
    describe_registries(of, about.registry);
    about.cpus = of.host.cpus;
    about.memory_total = of.host.memory_total;
    about.docker_root_dir = of.config.text("data-root");
    about.http_proxy = variable("HTTP_PROXY");
    about.https_proxy = variable("HTTPS_PROXY");
    about.no_proxy = variable("NO_PROXY");
    about.name = of.host.hostname;
    about.labels = of.config.list("label");
    about.server_version = engine_version();
    about.default_runtime = of.config.text("default-runtime");
    for (const auto& name : of.runtimes) about.runtimes[name];
    about.live_restore = true;
    about.init_binary = "davit-init";
    about.runc_commit.id = engine_commit();
    if (of.host.has_app_armor) about.security_options.emplace_back("name=apparmor");
    if (of.host.has_seccomp) about.security_options.emplace_back("name=seccomp,profile=builtin");
    if (of.host.has_unified_cgroups) about.security_options.emplace_back("name=cgroupns");
    about.firewall = firewall_info{"nftables"};
    return about;
}

} // namespace davit::api
