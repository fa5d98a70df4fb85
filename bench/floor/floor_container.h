#pragma once

#include <cstdint>
#include <string>

namespace davit::floor {

/// Written by the container's process in memory that it shares with the floor.
struct times_inside {
    double began;
    double network;
    double mounts;
    double overlay;
    double pivot;
    double rights;
};

struct container_plan {
    std::string image; ///< The one layer
    std::string upper;
    std::string work;
    std::string stage; ///< An empty directory to build /proc, /sys and /dev on
    bool has_network;
    std::uint32_t host_number; ///< 0: no eth0
    int go;                    ///< Read one byte from it before anything else
    times_inside* times;
};

/// The process that was cloned: makes its root and becomes /bin/true.
[[noreturn]] void run_container(const container_plan& plan);

} // namespace davit::floor
