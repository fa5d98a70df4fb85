#pragma once

#include <cstdint>
#include <string>

namespace davit::api {

/// What does not change about the host while the engine runs.
struct host_facts {
    std::string hostname;
    std::string kernel_version;   ///< "6.18.0-1-amd64"
    std::string machine;          ///< As the kernel names it: "x86_64"
    std::string architecture;     ///< As images name it: "amd64"
    std::string operating_system; ///< "Debian GNU/Linux 12 (bookworm)"
    std::string os_version;       ///< "12"
    std::int64_t cpus = 1;
    std::int64_t memory_total = 0; ///< Bytes
    bool has_unified_cgroups = false;
    bool has_seccomp = false;
    bool has_app_armor = false;
};

/// Reads them from uname(2), sysinfo(2), /etc/os-release and /proc. Call before the loop turns: it reads files.
host_facts read_host_facts();

/// The pretty name and the version of an os-release(5) text; "Linux" and nothing where they are missing.
struct os_release_names {
    std::string pretty_name = "Linux";
    std::string version;
};
os_release_names parse_os_release(std::string_view text);

} // namespace davit::api
