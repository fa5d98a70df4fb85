#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/event.h"
#include "core/runtime.h"

namespace davit {

/// What the engine knows of one launched process.
struct known_process {
    std::string container_id;
    std::int32_t pid = 0;
    std::chrono::system_clock::time_point started_at{};
    std::int64_t started_after = 0; ///< Microseconds of CLOCK_BOOTTIME, as the shim says it
    std::string cgroup_path;
    std::uint64_t connection = 0; ///< The generation of the shim's connection that tells of it
    bool is_orphan = false;       ///< Its shim has gone: nobody will tell its exit code
    std::optional<exit_status> ended;
    event has_ended;
};

/// The launched processes that were not released. Entries are shared: who waits for one keeps it.
class process_table {
  public:
    using entry = std::shared_ptr<known_process>;

    /// Adds a process, or finds the one of that id.
    entry add(const std::string& container_id);
    /// Null when there is none.
    entry find(const std::string& container_id) const;
    /// Errors: not_found.
    entry get(const std::string& container_id) const;
    void remove(const std::string& container_id) { processes_.erase(container_id); }
    std::vector<entry> all() const;

    static void end(known_process& process, exit_status status);

  private:
    std::unordered_map<std::string, entry> processes_;
};

} // namespace davit
