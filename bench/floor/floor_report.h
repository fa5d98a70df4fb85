#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit::floor {

/// The phases of one launch, in their order. Those that begin with "container:" run in the container's process.
enum class phase : std::uint8_t {
    directories,
    clone,
    cgroups,
    veth,
    child_network,
    child_mounts,
    child_overlay,
    child_pivot,
    child_rights,
    exec_to_exit,
    total_to_exit,
    cgroups_removed,
    directories_removed,
    total,
    count,
};

const char* name_of(phase which);

/// Microseconds of every phase, a value for each launch.
class report {
  public:
    void add(phase which, double microseconds) { values_[static_cast<std::size_t>(which)].push_back(microseconds); }
    std::string as_text() const;
    std::string as_json(const std::string& network, int launches) const;

  private:
    struct summary {
        double median;
        double least;
        double most;
    };
    summary of(std::size_t which) const;

    std::vector<double> values_[static_cast<std::size_t>(phase::count)];
};

/// Microseconds of the monotonic clock.
double now();

} // namespace davit::floor
