#include "modules/runtime/native/protected_paths.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace davit {

std::vector<std::string> default_masked_paths() {
    std::vector<std::string> paths{"/proc/acpi",       "/proc/asound",      "/proc/interrupts",
                                   "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                   "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                   "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
    // Interrupt counts of the host's processors, by which neighbours can be watched (Moby hides them since 28).
    std::error_code none;
    std::vector<std::string> throttles;
    for (const auto& entry : std::filesystem::directory_iterator{"/sys/devices/system/cpu", none}) {
        const auto name = entry.path().filename().string();
        if (name.size() < 4 || name.rfind("cpu", 0) != 0 ||
            !std::all_of(name.begin() + 3, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
            continue;
        auto throttle = entry.path() / "thermal_throttle";
        if (std::filesystem::is_directory(throttle, none)) throttles.push_back(throttle.string());
    }
    std::sort(throttles.begin(), throttles.end());
    paths.insert(paths.end(), throttles.begin(), throttles.end());
    return paths;
}

std::vector<std::string> default_read_only_paths() {
    return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

} // namespace davit
