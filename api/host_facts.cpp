#include "api/host_facts.h"

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace davit::api {

namespace {

std::string read_text(const char* path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return std::move(text).str();
}

std::string architecture_of(const std::string& machine) {
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    return machine;
}

std::string unquoted(std::string_view value) {
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
        value = value.substr(1, value.size() - 2);
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        text += value[at];
    }
    return text;
}

} // namespace

os_release_names parse_os_release(std::string_view text) {
    os_release_names names;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.starts_with("PRETTY_NAME=")) names.pretty_name = unquoted(line.substr(12));
        if (line.starts_with("VERSION_ID=")) names.version = unquoted(line.substr(11));
    }
    return names;
}

host_facts read_host_facts() {
    host_facts facts;
    utsname names{};
    if (::uname(&names) == 0) {
        facts.hostname = names.nodename;
        facts.kernel_version = names.release;
        facts.machine = names.machine;
        facts.architecture = architecture_of(facts.machine);
    }
    std::string release = read_text("/etc/os-release");
    if (release.empty()) release = read_text("/usr/lib/os-release");
    auto [pretty_name, version] = parse_os_release(release);
    facts.operating_system = std::move(pretty_name);
    facts.os_version = std::move(version);

    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (::sched_getaffinity(0, sizeof usable, &usable) == 0)
        facts.cpus = CPU_COUNT(&usable);
    else
        facts.cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    struct sysinfo memory{};
    if (::sysinfo(&memory) == 0) facts.memory_total = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;

    constexpr auto cgroup2_magic = 0x63677270; // statfs(2), CGROUP2_SUPER_MAGIC
    struct statfs cgroups{};
    facts.has_unified_cgroups = ::statfs("/sys/fs/cgroup", &cgroups) == 0 && cgroups.f_type == cgroup2_magic;
    facts.has_seccomp = ::access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;
    facts.has_app_armor = read_text("/sys/module/apparmor/parameters/enabled").starts_with('Y');
    return facts;
}

} // namespace davit::api
