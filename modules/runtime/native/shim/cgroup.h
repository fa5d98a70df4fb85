#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/launch_plan.h"
#include "modules/runtime/native/shim/launch_error.h"

namespace davit::shim {

/// The cgroups of one container: one directory of the same path below each hierarchy that it has joined.
struct cgroup_membership {
    std::string path;         ///< Below each hierarchy; empty: none
    unsigned hierarchies = 0; ///< Bit n: joined hierarchy number n
};

/// The host's way of control groups, v1 or v2. Used by the shim, never in a sandbox.
class cgroup_system {
  public:
    virtual ~cgroup_system() = default;

    /// Makes the path in the hierarchies that every container needs and moves the process there, with device rules.
    virtual std::optional<failure> make(cgroup_membership& membership, const std::string& path, int pid) = 0;
    /// Whether `rename` can work at all, so that making cgroups ahead of their path is of use.
    virtual bool can_rename() const = 0;
    /// Gives what was made ahead its final path. False when that can't be done here; then nothing has changed.
    virtual bool rename(cgroup_membership& membership, const std::string& path) = 0;
    /// Applies the settings and device rules of a plan. Joins further hierarchies when a setting needs them.
    virtual std::optional<failure> apply(cgroup_membership& membership, const launch_plan& plan, int pid) = 0;
    /// Reads the process's cgroups back from /proc and compares.
    virtual bool is_placed(const cgroup_membership& membership, int pid) = 0;
    /// What a container sees at /sys/fs/cgroup.
    virtual std::vector<shim_protocol::cgroup_directory> directories(const cgroup_membership& membership) = 0;
    /// Whether the kernel has killed a process in it for want of memory.
    virtual bool was_oom_killed(const cgroup_membership& membership) = 0;
    /// Sends a signal to every process in it.
    virtual void signal_all(const cgroup_membership& membership, int number) = 0;
    /// Removes the directories. False when one is still busy.
    virtual bool remove(const cgroup_membership& membership) = 0;
    /// Removes directories that shims which are gone left behind below `parent`. False when one is still busy.
    virtual bool sweep(const std::string& parent) = 0;
};

/// The device rules of an unprivileged container: nothing but these and what its plan adds.
struct device_rule {
    char kind;
    unsigned major;
    int minor; ///< -1: all
};
const std::vector<device_rule>& default_device_rules();

/// `sweep` of one hierarchy, whose mount point is `base`.
bool sweep_directory(const std::string& base, const std::string& parent);

/// mkdir(2) of every part of `path` below `base`. 0 or an errno; an existing directory is none.
int make_directories(const std::string& base, const std::string& path);

/// Removes a cgroup's directory and those that its processes may have made below it. True when it is gone.
bool remove_directory(const std::string& directory);

/// Signals every process that a cgroup.procs file lists and that is in the cgroup `path` at that moment. A process that
/// is just forking may be missed by one reading, hence SIGKILL goes some rounds.
void signal_members(const std::string& procs_file, const std::string& path, int number);

/// A name for cgroups made ahead: it tells which shim made it, for `sweep`.
std::string name_made_ahead(int shim_pid, unsigned long long number);
/// What the host has mounted at `root` ("/sys/fs/cgroup"). Null when it has no control groups.
std::unique_ptr<cgroup_system> detect_cgroups(const std::string& root);

std::unique_ptr<cgroup_system> make_cgroup_v1(const std::string& root);
std::unique_ptr<cgroup_system> make_cgroup_v2(const std::string& root);

} // namespace davit::shim
