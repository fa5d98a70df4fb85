#include "bench/floor/floor_report.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace davit::floor {
namespace {

constexpr const char* names[] = {"directories made",
                                 "clone with namespaces",
                                 "cgroups made and joined",
                                 "veth pair and bridge port",
                                 "container: network configured",
                                 "container: proc, sys, dev",
                                 "container: overlay mounted",
                                 "container: pivot_root",
                                 "container: hostname, capabilities",
                                 "exec of true to its exit",
                                 "launch to exit",
                                 "cgroups removed",
                                 "directories removed",
                                 "launch with clean-up"};
static_assert(std::size(names) == static_cast<std::size_t>(phase::count));

} // namespace

const char* name_of(phase which) {
    return names[static_cast<std::size_t>(which)];
}

report::summary report::of(std::size_t which) const {
    auto sorted = values_[which];
    std::sort(sorted.begin(), sorted.end());
    return {sorted[sorted.size() / 2], sorted.front(), sorted.back()};
}

std::string report::as_text() const {
    char line[160];
    std::snprintf(line, sizeof line, "%-36s %10s %10s %10s   microseconds\n", "", "median", "least", "most");
    std::string text = line;
    for (std::size_t i = 0; i < std::size(values_); ++i) {
        if (values_[i].empty()) continue;
        const auto one = of(i);
        std::snprintf(line, sizeof line, "%-36s %10.1f %10.1f %10.1f\n", names[i], one.median, one.least, one.most);
        text += line;
    }
    return text;
}

std::string report::as_json(const std::string& network, int launches) const {
    std::string text =
        "{\"network\":\"" + network + "\",\"launches\":" + std::to_string(launches) + ",\"unit\":\"us\",\"phases\":{";
    bool is_first = true;
    for (std::size_t i = 0; i < std::size(values_); ++i) {
        if (values_[i].empty()) continue;
        const auto one = of(i);
        char line[200];
        std::snprintf(line, sizeof line, "%s\"%s\":{\"median\":%.1f,\"min\":%.1f,\"max\":%.1f}", is_first ? "" : ",",
                      names[i], one.median, one.least, one.most);
        text += line;
        is_first = false;
    }
    return text + "}}\n";
}

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

} // namespace davit::floor
