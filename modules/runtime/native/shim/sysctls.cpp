#include "modules/runtime/native/shim/sysctls.h"

#include <algorithm>
#include <cctype>

#include "modules/runtime/native/shim/launch_error.h"

namespace davit::shim {
namespace {

constexpr std::string_view of_the_ipc_namespace[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                     "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                     "kernel.shmmni", "kernel.shm_rmid_forced"};

/// Parts between single dots, each of letters, digits, '_' and '-': nothing that could lead elsewhere.
bool is_well_formed(std::string_view key) {
    if (key.empty() || key.front() == '.' || key.back() == '.' || key.find("..") != std::string_view::npos)
        return false;
    return std::all_of(key.begin(), key.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    });
}

} // namespace

void write_sysctls(const staging& stage, const sandbox_shape& shape,
                   const std::vector<std::pair<std::string, std::string>>& sysctls) {
    for (const auto& [key, value] : sysctls) {
        const bool is_ipc = std::find(std::begin(of_the_ipc_namespace), std::end(of_the_ipc_namespace), key) !=
                                std::end(of_the_ipc_namespace) ||
                            key.rfind("fs.mqueue.", 0) == 0;
        const bool is_net = key.rfind("net.", 0) == 0;
        if (!is_well_formed(key) || (!is_ipc && !is_net))
            fail(failure_kind::invalid, 0, "sysctl \"%s\" is not allowed: it does not belong to a namespace",
                 key.c_str());
        if ((is_ipc && !shape.own_ipc) || (is_net && !shape.own_network))
            fail(failure_kind::invalid, 0, "sysctl \"%s\" is not allowed: its namespace is the host's", key.c_str());
        std::string name = key;
        std::replace(name.begin(), name.end(), '.', '/');
        if (const int error = write_proc(stage.settings, name.c_str(), value))
            fail(failure_kind::invalid, error, "setting sysctl %s to %s", key.c_str(), value.c_str());
    }
}

void allow_unprivileged_network(const staging& stage) {
    write_proc(stage.settings, "net/ipv4/ip_unprivileged_port_start", "0");
    write_proc(stage.settings, "net/ipv4/ping_group_range", "0 2147483647");
}

} // namespace davit::shim
