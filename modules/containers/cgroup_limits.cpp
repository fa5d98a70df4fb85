#include "modules/containers/cgroup_limits.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sched.h>
#include <string_view>

#include "core/error.h"

namespace davit {

namespace {

constexpr std::int64_t least_memory = 6 << 20;
constexpr std::int64_t default_period = 100'000;
constexpr std::int64_t billion = 1'000'000'000;

constexpr std::size_t largest_number = 8192; ///< Of a processor or a memory node, as Docker bounds it
using number_set = std::bitset<largest_number + 1>;

/// The numbers of a list like "0-3,5"; nothing when it is no such list.
std::optional<number_set> parse_list(std::string_view list) {
    number_set numbers;
    const auto number = [&](std::size_t& value) {
        const auto [end, failed] = std::from_chars(list.data(), list.data() + list.size(), value);
        if (failed != std::errc{} || value > largest_number) return false;
        list.remove_prefix(static_cast<std::size_t>(end - list.data()));
        return true;
    };
    while (!list.empty()) {
        std::size_t first = 0;
        if (!number(first)) return std::nullopt;
        std::size_t last = first;
        if (list.starts_with('-')) {
            list.remove_prefix(1);
            if (!number(last) || last < first) return std::nullopt;
        }
        for (; first <= last; ++first) numbers.set(first);
        if (list.empty()) break;
        if (!list.starts_with(',') || list.size() == 1) return std::nullopt;
        list.remove_prefix(1);
    }
    return numbers;
}

/// `what` and `things`: Docker's two words for them.
void check_list(std::string_view what, std::string_view things, const std::string& asked,
                const std::string& available) {
    const auto wanted = parse_list(asked);
    if (!wanted) throw error(errc::invalid, "Invalid value {} for {}", asked, what);
    const auto present = parse_list(available);
    if (present && present->any() && (*wanted & ~*present).any())
        throw error(errc::invalid, "Requested {} are not available - requested {}, available: {}", things, asked,
                    available);
}

std::string first_line(const std::string& path) {
    std::string line;
    std::getline(std::ifstream{path}, line);
    return line;
}

/// Docker's conversion of v1 shares (2…262144) to a v2 weight (1…10000).
std::int64_t weight_of(std::int64_t shares) {
    return 1 + (std::clamp<std::int64_t>(shares, 2, 262144) - 2) * 9999 / 262142;
}

std::string limit_or_max(std::int64_t value) {
    return value < 0 ? "max" : std::to_string(value);
}

struct cpu_quota {
    std::int64_t quota = 0;
    std::int64_t period = 0;
};

cpu_quota quota_of(const host_config& host) {
    if (host.nano_cpus > 0) return {host.nano_cpus / (billion / default_period), default_period};
    return {host.cpu_quota, host.cpu_period};
}

void add_v1(const host_config& host, std::vector<cgroup_setting>& settings) {
    const auto add = [&](const char* controller, const char* file, std::string value) {
        settings.push_back({controller, file, std::move(value)});
    };
    if (!host.cpuset_cpus.empty()) add("cpuset", "cpuset.cpus", host.cpuset_cpus);
    if (!host.cpuset_mems.empty()) add("cpuset", "cpuset.mems", host.cpuset_mems);
    if (host.memory > 0) add("memory", "memory.limit_in_bytes", std::to_string(host.memory));
    if (host.memory_swap != 0) add("memory", "memory.memsw.limit_in_bytes", std::to_string(host.memory_swap));
    if (host.memory_reservation > 0)
        add("memory", "memory.soft_limit_in_bytes", std::to_string(host.memory_reservation));
    if (host.memory_swappiness && *host.memory_swappiness >= 0)
        add("memory", "memory.swappiness", std::to_string(*host.memory_swappiness));
    if (host.oom_kill_disabled.value_or(false)) add("memory", "memory.oom_control", "1");
    if (host.cpu_shares > 0) add("cpu", "cpu.shares", std::to_string(host.cpu_shares));
    const cpu_quota cpu = quota_of(host);
    if (cpu.period > 0) add("cpu", "cpu.cfs_period_us", std::to_string(cpu.period));
    if (cpu.quota != 0) add("cpu", "cpu.cfs_quota_us", std::to_string(cpu.quota));
    if (host.pids_limit && *host.pids_limit != 0) add("pids", "pids.max", limit_or_max(*host.pids_limit));
}

void add_v2(const host_config& host, std::vector<cgroup_setting>& settings) {
    const auto add = [&](const char* controller, const char* file, std::string value) {
        settings.push_back({controller, file, std::move(value)});
    };
    if (!host.cpuset_cpus.empty()) add("cpuset", "cpuset.cpus", host.cpuset_cpus);
    if (!host.cpuset_mems.empty()) add("cpuset", "cpuset.mems", host.cpuset_mems);
    if (host.memory > 0) add("memory", "memory.max", std::to_string(host.memory));
    // Docker counts memory and swap together; v2 counts swap alone.
    if (host.memory_swap > 0)
        add("memory", "memory.swap.max", std::to_string(host.memory_swap - host.memory));
    else if (host.memory_swap < 0)
        add("memory", "memory.swap.max", "max");
    if (host.memory_reservation > 0) add("memory", "memory.low", std::to_string(host.memory_reservation));
    if (host.cpu_shares > 0) add("cpu", "cpu.weight", std::to_string(weight_of(host.cpu_shares)));
    const cpu_quota cpu = quota_of(host);
    if (cpu.quota != 0 || cpu.period > 0)
        add("cpu", "cpu.max",
            fmt::format("{} {}", cpu.quota > 0 ? std::to_string(cpu.quota) : "max",
                        cpu.period > 0 ? cpu.period : default_period));
    if (host.pids_limit && *host.pids_limit != 0) add("pids", "pids.max", limit_or_max(*host.pids_limit));
}

void check_memory(const host_config& host) {
    if (host.memory != 0 && host.memory < least_memory)
        throw error(errc::invalid, "Minimum memory limit allowed is 6MB");
    if (host.memory_swap > 0 && host.memory == 0)
        throw error(errc::invalid, "You should always set the Memory limit when using Memoryswap limit, see usage");
    if (host.memory_swap > 0 && host.memory_swap < host.memory)
        throw error(errc::invalid, "Minimum memoryswap limit should be larger than memory limit, see usage");
    if (host.memory_swap < -1) throw error(errc::invalid, "the swap limit can't be {}", host.memory_swap);
    if (host.memory > INT64_MAX / 2) throw error(errc::invalid, "the memory limit {} is too large", host.memory);
    if (host.memory_reservation < 0) throw error(errc::invalid, "the memory reservation can't be negative");
    if (host.memory_reservation > 0 && host.memory_reservation < least_memory)
        throw error(errc::invalid, "Minimum memory reservation allowed is 6MB");
    if (host.memory_reservation > 0 && host.memory > 0 && host.memory_reservation > host.memory)
        throw error(errc::invalid, "Minimum memory limit can not be less than memory reservation limit, see usage");
    if (host.memory_swappiness && (*host.memory_swappiness < -1 || *host.memory_swappiness > 100))
        throw error(errc::invalid, "Invalid value: {}, valid memory swappiness range is 0-100",
                    *host.memory_swappiness);
}

void check_cpu(const host_config& host, const host_processors& on) {
    if (host.nano_cpus > 0 && host.cpu_period > 0)
        throw error(errc::invalid, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (host.nano_cpus > 0 && host.cpu_quota > 0)
        throw error(errc::invalid, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    if (host.nano_cpus < 0 || host.nano_cpus > on.count * billion)
        throw error(errc::invalid, "range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available",
                    on.count);
    if (host.cpu_shares < 0)
        throw error(errc::invalid, "invalid CPU shares ({}): value must be a positive integer", host.cpu_shares);
    if (host.cpu_period != 0 && (host.cpu_period < 1000 || host.cpu_period > 1'000'000))
        throw error(errc::invalid, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. "
                                   "1000000)");
    if (host.cpu_quota > 0 && host.cpu_quota < 1000)
        throw error(errc::invalid, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    check_list("cpuset cpus", "CPUs", host.cpuset_cpus, on.processors);
    check_list("cpuset mems", "memory nodes", host.cpuset_mems, on.memory_nodes);
}

bool is_relative_and_plain(std::string_view path) {
    return path.find("..") == std::string_view::npos &&
           std::none_of(path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

} // namespace

host_processors read_host_processors(cgroup_version version) {
    host_processors read;
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (::sched_getaffinity(0, sizeof usable, &usable) == 0) read.count = CPU_COUNT(&usable);
    const bool is_v1 = version == cgroup_version::v1;
    const std::string root = is_v1 ? "/sys/fs/cgroup/cpuset/" : "/sys/fs/cgroup/";
    read.processors = first_line(root + (is_v1 ? "cpuset.cpus" : "cpuset.cpus.effective"));
    read.memory_nodes = first_line(root + (is_v1 ? "cpuset.mems" : "cpuset.mems.effective"));
    return read;
}

void check_cgroup_limits(const host_config& host, const host_processors& on, std::vector<std::string>& warnings) {
    check_memory(host);
    check_cpu(host, on);
    if (host.pids_limit && (*host.pids_limit < -1 || *host.pids_limit > INT32_MAX))
        throw error(errc::invalid, "the limit of processes is out of range");
    if (!is_relative_and_plain(host.cgroup_parent) || host.cgroup_parent.size() > 1024)
        throw error(errc::invalid, "the cgroup parent {} is no path below the cgroup root", host.cgroup_parent);
    if (host.oom_kill_disabled.value_or(false) && host.memory == 0)
        warnings.push_back("OOM killer is disabled for the container, but no memory limit is set, this can result in "
                           "the system running out of resources.");
}

std::vector<cgroup_setting> cgroup_settings(const host_config& host, cgroup_version version) {
    std::vector<cgroup_setting> settings;
    if (version == cgroup_version::v1)
        add_v1(host, settings);
    else
        add_v2(host, settings);
    return settings;
}

} // namespace davit
