#include <cerrno>
#include <cstdio>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modules/runtime/native/shim/cgroup.h"
#include "modules/runtime/native/shim/small_file.h"

namespace davit::shim {
namespace {

/// One mounted v1 hierarchy.
struct hierarchy {
    std::vector<std::string> controllers;
    std::string directory; ///< Its mount point
    bool is_always_needed = false;

    bool has(std::string_view controller) const {
        for (const auto& one : controllers)
            if (one == controller) return true;
        return false;
    }
};

// What every container needs: statistics (memory, cpuacct, blkio), the device rules, pause, and the pids of "all".
// The others (cpu, cpuset, …) are joined when a setting names them.
constexpr std::string_view always_needed[] = {"memory", "cpuacct", "blkio", "pids", "freezer", "devices"};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return parts;
}

/// The v1 hierarchies that are mounted below `root`, from mountinfo (proc_pid_mountinfo(5)).
std::vector<hierarchy> mounted_hierarchies(const std::string& root) {
    std::vector<hierarchy> found;
    const auto table = read_file("/proc/self/mountinfo", 4u << 20);
    if (!table) return found;
    for (const auto& line : split(*table, '\n')) {
        const auto dash = line.find(" - cgroup ");
        if (dash == std::string::npos) continue;
        const auto left = split(line, ' ');
        if (left.size() < 5 || left[4].rfind(root + "/", 0) != 0) continue;
        hierarchy one;
        one.directory = left[4];
        const auto options = split(std::string_view{line}.substr(line.rfind(' ') + 1), ',');
        bool is_named = false;
        for (const auto& option : options) {
            if (option.rfind("name=", 0) == 0) is_named = true;
            one.controllers.push_back(option);
        }
        if (is_named) continue;
        for (const auto needed : always_needed) one.is_always_needed |= one.has(needed);
        found.push_back(std::move(one));
        if (found.size() == 32) break; // One bit each
    }
    return found;
}

class cgroup_v1 final : public cgroup_system {
  public:
    explicit cgroup_v1(const std::string& root) : hierarchies_{mounted_hierarchies(root)} {}

    std::optional<failure> make(cgroup_membership& membership, const std::string& path, int pid) override {
        membership.path = path;
        for (unsigned i = 0; i < hierarchies_.size(); ++i)
            if (hierarchies_[i].is_always_needed)
                if (auto failed = join(membership, i, pid)) return failed;
        return std::nullopt;
    }

    bool can_rename() const override { return true; }

    bool rename(cgroup_membership& membership, const std::string& path) override {
        for (unsigned i = 0; i < hierarchies_.size(); ++i) {
            if ((membership.hierarchies >> i & 1) == 0) continue;
            const auto& base = hierarchies_[i].directory;
            if (::rename((base + "/" + membership.path).c_str(), (base + "/" + path).c_str()) == 0) continue;
            while (i-- > 0)
                if ((membership.hierarchies >> i & 1) != 0)
                    ::rename((hierarchies_[i].directory + "/" + path).c_str(),
                             (hierarchies_[i].directory + "/" + membership.path).c_str());
            return false;
        }
        membership.path = path;
        return true;
    }

    std::optional<failure> apply(cgroup_membership& membership, const launch_plan& plan, int pid) override {
        for (const auto& setting : plan.cgroup.settings) {
            const auto number = number_of(setting.controller);
            if (number < 0)
                return make_failure(failure_kind::invalid, 0, "the host has no cgroup controller %s, needed for %s",
                                    setting.controller.c_str(), setting.file.c_str());
            const auto index = static_cast<unsigned>(number);
            if ((membership.hierarchies >> index & 1) == 0)
                if (auto failed = join(membership, index, pid)) return failed;
            const auto file = directory(membership, index) + "/" + setting.file;
            if (const int error = write_file(file, setting.value))
                return make_failure(failure_kind::invalid, error, "writing %s to cgroup file %s", setting.value.c_str(),
                                    file.c_str());
        }
        const auto devices = number_of("devices");
        if (devices < 0) return std::nullopt;
        const auto base = directory(membership, static_cast<unsigned>(devices));
        if (plan.cgroup.devices_are_open) {
            if (const int error = write_file(base + "/devices.allow", "a"))
                return make_failure(failure_kind::internal, error, "opening all devices");
            return std::nullopt;
        }
        for (const auto& device : plan.devices) {
            char rule[64];
            std::snprintf(rule, sizeof rule, "%c %u:%u rwm", device.kind, device.major, device.minor);
            if (const int error = write_file(base + "/devices.allow", rule))
                return make_failure(failure_kind::invalid, error, "allowing device %s", device.path.c_str());
        }
        return std::nullopt;
    }

    bool is_placed(const cgroup_membership& membership, int pid) override {
        const auto table = read_file("/proc/" + std::to_string(pid) + "/cgroup");
        if (!table) return false;
        unsigned seen = 0;
        for (const auto& line : split(*table, '\n')) {
            const auto first = line.find(':');
            const auto second = line.find(':', first + 1);
            if (second == std::string::npos) continue;
            const auto controllers = split(std::string_view{line}.substr(first + 1, second - first - 1), ',');
            if (controllers.empty()) continue;
            const auto number = number_of(controllers.front());
            if (number >= 0 && line.ends_with("/" + membership.path)) seen |= 1u << number;
        }
        return (seen & membership.hierarchies) == membership.hierarchies;
    }

    std::vector<shim_protocol::cgroup_directory> directories(const cgroup_membership& membership) override {
        std::vector<shim_protocol::cgroup_directory> all;
        for (unsigned i = 0; i < hierarchies_.size(); ++i) {
            if ((membership.hierarchies >> i & 1) == 0) continue;
            const auto& mount_point = hierarchies_[i].directory;
            all.push_back({mount_point.substr(mount_point.rfind('/') + 1), directory(membership, i)});
        }
        return all;
    }

    bool was_oom_killed(const cgroup_membership& membership) override {
        const auto number = number_of("memory");
        if (number < 0 || (membership.hierarchies >> number & 1) == 0) return false;
        const auto text = read_file(directory(membership, static_cast<unsigned>(number)) + "/memory.oom_control");
        if (!text) return false;
        const auto at = text->find("oom_kill ");
        return at != std::string::npos && text->compare(at + 9, 1, "0") != 0;
    }

    void signal_all(const cgroup_membership& membership, int number) override {
        const auto pids = number_of("pids");
        if (pids < 0 || (membership.hierarchies >> pids & 1) == 0) return;
        signal_members(directory(membership, static_cast<unsigned>(pids)) + "/cgroup.procs", membership.path, number);
    }

    bool remove(const cgroup_membership& membership) override {
        bool all_gone = true;
        for (unsigned i = 0; i < hierarchies_.size(); ++i)
            if ((membership.hierarchies >> i & 1) != 0) all_gone &= remove_directory(directory(membership, i));
        return all_gone;
    }

    bool sweep(const std::string& parent) override {
        bool all_gone = true;
        for (const auto& one : hierarchies_) all_gone &= sweep_directory(one.directory, parent);
        return all_gone;
    }

  private:
    int number_of(std::string_view controller) const {
        for (unsigned i = 0; i < hierarchies_.size(); ++i)
            if (hierarchies_[i].has(controller)) return static_cast<int>(i);
        return -1;
    }

    std::string directory(const cgroup_membership& membership, unsigned index) const {
        return hierarchies_[index].directory + "/" + membership.path;
    }

    std::optional<failure> join(cgroup_membership& membership, unsigned index, int pid) {
        const auto& one = hierarchies_[index];
        const auto base = directory(membership, index);
        if (const int error = make_directories(one.directory, membership.path))
            return make_failure(failure_kind::internal, error, "making cgroup %s", base.c_str());
        membership.hierarchies |= 1u << index;
        if (one.has("cpuset")) inherit_cpuset(one, membership.path);
        if (one.has("devices")) {
            if (const int error = write_file(base + "/devices.deny", "a"))
                return make_failure(failure_kind::internal, error, "denying all devices in %s", base.c_str());
            for (const auto& rule : default_device_rules()) {
                char text[64];
                if (rule.minor < 0)
                    std::snprintf(text, sizeof text, "%c %u:* rwm", rule.kind, rule.major);
                else
                    std::snprintf(text, sizeof text, "%c %u:%d rwm", rule.kind, rule.major, rule.minor);
                // A host that may not use a device itself can't give it on; the container lacks it then.
                if (const int error = write_file(base + "/devices.allow", text); error != 0 && error != EPERM)
                    return make_failure(failure_kind::internal, error, "allowing device %s in %s", text, base.c_str());
            }
        }
        if (const int error = write_file(base + "/cgroup.procs", std::to_string(pid)))
            return make_failure(failure_kind::internal, error, "moving process %d into cgroup %s", pid, base.c_str());
        return std::nullopt;
    }

    /// A new cpuset is empty and takes no process: each level gets what its parent has.
    static void inherit_cpuset(const hierarchy& one, const std::string& path) {
        std::string above = one.directory;
        for (const auto& part : split(path, '/')) {
            const auto here = above + "/" + part;
            for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
                const auto present = read_file(here + file);
                const auto inherited = read_file(above + file);
                if (present && (present->empty() || *present == "\n") && inherited) write_file(here + file, *inherited);
            }
            above = here;
        }
    }

    std::vector<hierarchy> hierarchies_;
};

} // namespace

std::unique_ptr<cgroup_system> make_cgroup_v1(const std::string& root) {
    return std::make_unique<cgroup_v1>(root);
}

} // namespace davit::shim
