#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace davit {

// A launch plan is everything that a container's first process (or an exec) needs, decided on the engine's loop and
// then carried out by the shim in one go. These are plain values: the shim, which knows nothing of images, networks
// or JSON, includes this header and the protocol only. All paths named `host_…` are resolved on the host (below
// directories that only the engine can write); all others inside the container's root, never followed out of it.

/// The container's root file system.
struct rootfs_plan {
    /// Layer directories on the host, the topmost first. With `host_upper` empty, exactly one: it is the root itself
    /// (vfs), bind-mounted. Otherwise they are the lower layers of an overlay.
    std::vector<std::string> host_layers;
    std::string host_upper; ///< The overlay's writable directory.
    std::string host_work;  ///< The overlay's work directory, on the same file system as `host_upper`.
    bool is_read_only = false;

    bool operator==(const rootfs_plan&) const = default;
};

enum class mount_kind : std::uint8_t {
    bind,  ///< `host_source` is attached at `target`.
    tmpfs, ///< A new tmpfs, `options` as in mount(8), always nosuid and nodev.
};

/// One mount beyond the standard ones, in the order in which they are made.
struct mount_plan {
    mount_kind kind = mount_kind::bind;
    std::string host_source;
    std::string target;
    std::string options;
    bool is_read_only = false;   ///< Recursively (mount_setattr(2), AT_RECURSIVE).
    bool is_recursive = true;    ///< A bind takes the mounts below its source along.
    bool is_engine_file = false; ///< hosts, hostname, resolv.conf: the engine's own file, mounted nosuid,nodev,noexec.

    bool operator==(const mount_plan&) const = default;
};

/// An IPv4 or IPv6 neighbour that is entered permanently, so that nothing is broadcast to find it.
struct neighbour_plan {
    std::string address;
    std::string mac;

    bool operator==(const neighbour_plan&) const = default;
};

/// One interface inside the sandbox. The network driver has made it and put it into the sandbox's network namespace
/// under `name`; the sandbox gives it its addresses from inside.
struct interface_plan {
    std::string name;                   ///< "eth0"
    std::vector<std::string> addresses; ///< CIDR: "172.17.0.2/16"
    std::vector<std::string> gateways;  ///< Default routes: "172.17.0.1"; empty on internal networks
    std::vector<neighbour_plan> neighbours;
    bool ipv6_is_quiet = true; ///< Address generation mode `none` before it goes up: no link-local address, no MLD.

    bool operator==(const interface_plan&) const = default;
};

/// What a sandbox's network namespace looks like from inside; loopback always comes up.
struct network_plan {
    std::vector<interface_plan> interfaces;

    bool operator==(const network_plan&) const = default;
};

/// Which namespaces a sandbox has of its own. Everything that is false is shared with the host.
struct sandbox_shape {
    bool own_network = true;
    bool own_pid = true;
    bool own_ipc = true;
    bool own_uts = true;
    bool own_cgroup = true;

    auto operator<=>(const sandbox_shape&) const = default;
};

/// A setrlimit(2) limit by its number; clamped to what the shim itself may set.
struct rlimit_plan {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    bool operator==(const rlimit_plan&) const = default;
};

/// The identity and the rights of a process. Bit n of a capability set is capability number n (capabilities(7)).
struct process_plan {
    std::vector<std::string> arguments;   ///< arguments[0] is looked up in the PATH of `environment` unless it has a /
    std::vector<std::string> environment; ///< NAME=value; HOME is added from the passwd entry when it is missing
    std::string working_directory = "/";  ///< Made when it is missing, inside the root
    /// Docker's user[:group], each a name or a number; looked up in the container's own passwd and group files after
    /// the root has been entered. Empty: 0:0.
    std::string user;
    std::vector<std::string> additional_groups; ///< Names or numbers (--group-add)
    std::uint64_t bounding_capabilities = 0;    ///< Also permitted and effective for uid 0; others get none
    bool no_new_privileges = false;
    /// A compiled seccomp filter: struct sock_filter[] as bytes. Empty: none.
    std::string seccomp_filter;
    std::vector<rlimit_plan> rlimits;
    int oom_score_adjust = 0;
    bool wants_tty = false;   ///< A new pty is its controlling terminal and its three streams
    bool wants_stdin = false; ///< Otherwise stdin is /dev/null
    std::uint16_t tty_rows = 0;
    std::uint16_t tty_columns = 0;

    bool operator==(const process_plan&) const = default;
};

/// One write into a cgroup file, made before the process runs.
struct cgroup_setting {
    std::string controller; ///< The v1 hierarchy ("memory"); ignored on v2
    std::string file;       ///< "memory.limit_in_bytes", "memory.max"
    std::string value;

    bool operator==(const cgroup_setting&) const = default;
};

struct cgroup_plan {
    std::string path; ///< Below each hierarchy: "davit/<container id>"
    std::vector<cgroup_setting> settings;
    bool devices_are_open = false; ///< --privileged: no device rules

    bool operator==(const cgroup_plan&) const = default;
};

struct device_plan {
    std::string path; ///< In the container: "/dev/null"
    char kind = 'c';  ///< 'c' or 'b'
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t mode = 0666;

    bool operator==(const device_plan&) const = default;
};

/// A whole launch. The sandbox it is carried out in was made ahead, with its namespaces and its network.
struct launch_plan {
    std::string container_id;
    std::string hostname;
    std::string domain_name;
    rootfs_plan rootfs;
    std::vector<mount_plan> mounts;
    std::vector<device_plan> devices; ///< Beyond null, zero, full, random, urandom, tty, which are always there
    std::vector<std::string> masked_paths;
    std::vector<std::string> read_only_paths;
    std::vector<std::pair<std::string, std::string>> sysctls;
    std::uint64_t shm_size = 64u << 20; ///< bytes; 0: no /dev/shm, unless the host's IPC namespace is shared
    bool is_privileged = false;         ///< Writable /sys and /proc/sys, no masks
    process_plan process;
    cgroup_plan cgroup;

    bool operator==(const launch_plan&) const = default;
};

} // namespace davit
