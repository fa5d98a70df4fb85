#include "modules/containers/sysctl_rules.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"

namespace davit {

namespace {

constexpr std::array<std::string_view, 8> of_ipc_namespace = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

bool is_plain_name(std::string_view name) {
    const auto is_word_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    bool after_dot = true;
    for (const char c : name) {
        if (c == '.' && after_dot) return false;
        if (c != '.' && !is_word_character(c)) return false;
        after_dot = c == '.';
    }
    return !after_dot;
}

} // namespace

void check_sysctls(const host_config& host) {
    if (!host.sysctls) return;
    for (const auto& [name, value] : *host.sysctls) {
        const bool is_ipc =
            std::find(of_ipc_namespace.begin(), of_ipc_namespace.end(), name) != of_ipc_namespace.end() ||
            name.starts_with("fs.mqueue.");
        const bool is_network = name.starts_with("net.");
        if (!is_plain_name(name) || (!is_ipc && !is_network))
            throw error(errc::invalid, "sysctl '{}' is not allowed: it is not of a namespace that a container has",
                        name);
        if (is_ipc && host.ipc_mode == "host")
            throw error(errc::invalid, "sysctl '{}' not allowed in host ipc namespace", name);
        if (is_network && host.network_mode == "host")
            throw error(errc::invalid, "sysctl '{}' not allowed in host network namespace", name);
        if (std::any_of(value.begin(), value.end(), [](char c) { return c == '\0' || c == '\n'; }))
            throw error(errc::invalid, "the value of sysctl '{}' must be one line", name);
    }
}

std::vector<std::pair<std::string, std::string>> planned_sysctls(const host_config& host) {
    std::vector<std::pair<std::string, std::string>> planned;
    const auto add_default = [&](const char* name, const char* value) {
        if (!host.sysctls || !host.sysctls->contains(name)) planned.emplace_back(name, value);
    };
    if (host.network_mode != "host") {
        add_default("net.ipv4.ip_unprivileged_port_start", "0");
        add_default("net.ipv4.ping_group_range", "0 2147483647");
    }
    if (host.sysctls) planned.insert(planned.end(), host.sysctls->begin(), host.sysctls->end());
    return planned;
}

} // namespace davit
