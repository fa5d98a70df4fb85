#include "cli/container_flags.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command.h"
#include "cli/option_values.h"
#include "cli/port_options.h"
#include "core/error.h"
#include "io/json.h"

namespace davit::cli {

namespace {

using texts = std::vector<std::string>;

/// The lines of a file of NAME=VALUE, without comments and empty ones. Docker calls each an env file.
texts read_lines(const std::string& path) {
    errno = 0;
    std::ifstream file{path};
    std::string whole;
    // A folder opens and can't be read.
    if (file) std::getline(file, whole, '\0');
    if (!file.is_open()) throw error(errc::invalid, "open {}: {}", path, in_lower_case(std::strerror(errno)));
    if (std::error_code none; std::filesystem::is_directory(path, none))
        throw error(errc::invalid, "invalid env file ({0}): read {0}: is a directory", path);
    if (whole.starts_with("\xef\xbb\xbf")) whole.erase(0, 3);
    texts lines;
    std::istringstream text{std::move(whole)};
    for (std::string line; std::getline(text, line);) {
        if (line.ends_with('\r')) line.pop_back();
        const std::size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string::npos || line[begin] == '#') continue;
        line.erase(0, begin);
        const std::string name = line.substr(0, line.find('='));
        if (name.empty())
            throw error(errc::invalid, "invalid env file ({}): no variable name on line '{}'", path, line);
        if (name.find_first_of(" \t") != std::string::npos)
            throw error(errc::invalid, "invalid env file ({}): variable '{}' contains whitespaces", path, name);
        lines.push_back(std::move(line));
    }
    return lines;
}

/// NAME takes the value that this program's own environment has; nothing when it has none.
std::optional<std::string> find_variable(const std::string& assignment) {
    if (assignment.find('=') != std::string::npos) return assignment;
    const char* value = std::getenv(assignment.c_str());
    return value ? std::optional{assignment + "=" + value} : std::nullopt;
}

std::string name_of(const std::string& assignment) {
    return split_pair(assignment).first;
}

std::optional<texts> unless_empty(const texts& given) {
    return given.empty() ? std::nullopt : std::optional{given};
}

/// A flag that holds what `parse` makes of its value.
template <class Held, class Parsed> void declare_parsed(flag_set& flags, std::string_view name, char shorthand,
                                                        std::string_view type, std::string_view help, Held& into,
                                                        Parsed (*parse)(const std::string&)) {
    flags.parsed(name, shorthand, type, help, [&into, parse](const std::string& text) { into = parse(text); });
}

/// A list whose values are checked as they come.
void declare_checked(flag_set& flags, std::string_view name, char shorthand, std::string_view help, texts& into,
                     void (*check)(const std::string&)) {
    flags.parsed(name, shorthand, "list", help, [&into, check](const std::string& text) {
        check(text);
        into.push_back(text);
    });
}

std::int64_t parse_swap(const std::string& text) {
    return text == "-1" ? -1 : parse_bytes(text);
}

/// What docker refuses by itself.
void check_namespace(std::string_view flag, std::string_view what, const std::string& mode,
                     std::initializer_list<std::string_view> known) {
    if (mode.empty() || std::find(known.begin(), known.end(), mode) != known.end()) return;
    if (what == "PID" && mode.starts_with("container:") && mode.size() > 10) return;
    throw error(errc::invalid, "{}: invalid {} mode", flag, what);
}

std::string parse_stream(const std::string& text) {
    std::string name = in_lower_case(text);
    if (name == "stdin" || name == "stdout" || name == "stderr") return name;
    throw error(errc::invalid, "valid streams are STDIN, STDOUT and STDERR");
}

} // namespace

void container_flags::declare(flag_set& flags) {
    declare_limits(flags);
    networks_.declare(flags);
    unoffered_.declare(flags);
    flags.parsed("add-host", 0, "list", "Add a custom host-to-IP mapping (host:ip)",
                 [this](const std::string& text) { hosts_.push_back(parse_extra_host(text)); });
    flags.parsed("attach", 'a', "list", "Attach to STDIN, STDOUT or STDERR",
                 [this](const std::string& text) { attach.push_back(parse_stream(text)); });
    flags.list("cap-add", 0, capabilities_added_, "Add Linux capabilities");
    flags.list("cap-drop", 0, capabilities_dropped_, "Drop Linux capabilities");
    flags.text("cgroup-parent", 0, cgroup_parent_, "Optional parent cgroup for the container");
    flags.text("cgroupns", 0, cgroup_namespace_, "Cgroup namespace to use (host|private)");
    flags.since("cgroupns", "1.41");
    flags.text("cidfile", 0, id_file, "Write the container ID to the file");
    flags.boolean("disable-content-trust", 0, trusts_, "Skip image verification (default true)");
    flags.parsed("dns", 0, "list", "Set custom DNS servers",
                 [this](const std::string& text) { dns_.push_back(parse_address(text)); });
    flags.list("dns-option", 0, dns_options_, "Set DNS options");
    flags.alias("dns-opt", "dns-option");
    flags.parsed("dns-search", 0, "list", "Set custom DNS search domains", [this](const std::string& text) {
        check_search_domain(text);
        std::string domain = trimmed(text);
        if (domain.size() > 1 && domain.ends_with('.')) domain.pop_back();
        dns_search_.push_back(std::move(domain));
    });
    flags.text("domainname", 0, domain_name_, "Container NIS domain name");
    flags.list("entrypoint", 0, entrypoint_, "Overwrite the default ENTRYPOINT of the image", "string");
    declare_checked(flags, "env", 'e', "Set environment variables", environment_, check_variable);
    flags.list("env-file", 0, environment_files_, "Read in a file of environment variables");
    flags.list("expose", 0, exposed_ports_, "Expose a port or a range of ports");
    flags.list("group-add", 0, groups_, "Add additional groups to join");
    flags.text("hostname", 'h', hostname_, "Container host name");
    flags.optional_boolean("init", wants_init_,
                           "Run an init inside the container that forwards signals and reaps processes");
    flags.boolean("interactive", 'i', interactive, "Keep STDIN open even if not attached");
    flags.text("ipc", 0, ipc_, "IPC mode to use");
    declare_checked(flags, "label", 'l', "Set meta data on a container", labels_, check_label);
    flags.list("label-file", 0, label_files_, "Read in a line delimited file of labels");
    flags.text("log-driver", 0, log_driver_, "Logging driver for the container");
    flags.list("log-opt", 0, log_options_, "Log driver options");
    flags.text("name", 0, name, "Assign a name to the container");
    flags.text("pid", 0, pid_, "PID namespace to use");
    flags.text("platform", 0, platform, "Set platform if server is multi-platform capable");
    flags.boolean("privileged", 0, is_privileged_, "Give extended privileges to this container");
    flags.list("publish", 'p', ports_, "Publish a container's port(s) to the host");
    flags.text("pull", 0, pull, "Pull image before running (\"always\", \"missing\", \"never\") (default \"missing\")");
    flags.boolean("quiet", 'q', quiet, "Suppress the pull output");
    flags.boolean("read-only", 0, is_read_only_, "Mount the container's root filesystem as read only");
    flags.text("restart", 0, restart_, "Restart policy to apply when a container exits (default \"no\")");
    flags.boolean("rm", 0, remove,
                  "Automatically remove the container and its associated anonymous volumes when it exits");
    flags.text("runtime", 0, runtime_, "Runtime to use for this container");
    flags.list("security-opt", 0, security_options_, "Security Options");
    flags.text("stop-signal", 0, stop_signal_, "Signal to stop the container");
    flags.number("stop-timeout", 0, stop_timeout_, "Timeout (in seconds) to stop a container");
    flags.parsed("sysctl", 0, "map", "Sysctl options", [this](const std::string& text) {
        check_sysctl(text);
        sysctls_.push_back(text);
    });
    flags.list("tmpfs", 0, tmpfs_, "Mount a tmpfs directory");
    flags.boolean("tty", 't', tty, "Allocate a pseudo-TTY");
    flags.text("user", 'u', user_, "Username or UID (format: <name|uid>[:<group|gid>])");
    flags.boolean("use-api-socket", 0, uses_api_socket, "Bind mount Docker API socket and required auth");
    flags.text("userns", 0, user_namespace_, "User namespace to use");
    flags.text("uts", 0, uts_, "UTS namespace to use");
    flags.list("volume", 'v', volumes_, "Bind mount a volume");
    flags.text("workdir", 'w', working_directory_, "Working directory inside the container");
}

void container_flags::declare_limits(flag_set& flags) {
    flags.number("cpu-shares", 'c', cpu_shares_, "CPU shares (relative weight)");
    declare_parsed(flags, "cpus", 0, "decimal", "Number of CPUs", nano_cpus_, parse_cpus);
    flags.text("cpuset-cpus", 0, cpuset_, "CPUs in which to allow execution (0-3, 0,1)");
    declare_parsed(flags, "memory", 'm', "bytes", "Memory limit", memory_, parse_bytes);
    declare_parsed(flags, "memory-reservation", 0, "bytes", "Memory soft limit", memory_reservation_, parse_bytes);
    declare_parsed(flags, "memory-swap", 0, "bytes",
                   "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", memory_swap_, parse_swap);
    flags.number("oom-score-adj", 0, oom_score_, "Tune host's OOM preferences (-1000 to 1000)");
    flags.number("pids-limit", 0, pids_limit_, "Tune container pids limit (set -1 for unlimited)");
    declare_parsed(flags, "shm-size", 0, "bytes", "Size of /dev/shm", shm_size_, parse_bytes);
    flags.parsed("ulimit", 0, "ulimit", "Ulimit options",
                 [this](const std::string& text) { ulimits_.push_back(parse_ulimit(text)); });
    flags.number("cpu-period", 0, cpu_period_, "Limit CPU CFS (Completely Fair Scheduler) period");
    flags.number("cpu-quota", 0, cpu_quota_, "Limit CPU CFS (Completely Fair Scheduler) quota");
    flags.text("cpuset-mems", 0, cpuset_memory_, "MEMs in which to allow execution (0-3, 0,1)");
    declare_parsed(flags, "kernel-memory", 0, "bytes", "Kernel memory limit", kernel_memory_, parse_bytes);
    flags.number("memory-swappiness", 0, swappiness_, "Tune container memory swappiness (0 to 100) (default -1)");
    flags.boolean("oom-kill-disable", 0, disables_oom_kill_, "Disable OOM Killer");
}

bool container_flags::sets_variable(std::string_view variable) const {
    return std::any_of(environment_.begin(), environment_.end(),
                       [&](const std::string& assignment) { return name_of(assignment) == variable; });
}

void container_flags::fill_config(api::create_body& body) const {
    body.hostname = hostname_;
    body.domain_name = domain_name_;
    body.user = user_;
    body.working_directory = working_directory_;
    body.stop_signal = stop_signal_;
    body.stop_timeout = stop_timeout_;
    body.tty = tty;
    body.open_stdin = interactive;
    const auto wants = [this](std::string_view stream, bool by_default) {
        return attach.empty() ? by_default : std::find(attach.begin(), attach.end(), stream) != attach.end();
    };
    body.attach_stdin = wants("stdin", interactive);
    body.attach_stdout = wants("stdout", true);
    body.attach_stderr = wants("stderr", true);
    body.stdin_once =
        body.open_stdin && body.attach_stdin; // the input ends for the program when it ends for the client
    texts environment;
    for (const std::string& path : environment_files_)
        for (const std::string& line : read_lines(path))
            if (auto variable = find_variable(line)) environment.push_back(std::move(*variable));
    for (auto at = environment_.begin(); at != environment_.end(); ++at) {
        const bool is_last = std::none_of(at + 1, environment_.end(),
                                          [&](const std::string& other) { return name_of(other) == name_of(*at); });
        // The name alone takes the image's variable away.
        if (is_last) environment.push_back(find_variable(*at).value_or(*at));
    }
    body.environment = unless_empty(environment);
    string_map labels;
    for (const std::string& path : label_files_)
        for (const std::string& line : read_lines(path))
            labels.insert_or_assign(split_pair(line).first, split_pair(line).second);
    for (const std::string& label : labels_) labels.insert_or_assign(split_pair(label).first, split_pair(label).second);
    if (!labels.empty()) body.labels = std::move(labels);
    for (const std::string& text : exposed_ports_)
        for (const std::string& port : parse_exposed_ports(text)) body.exposed_ports.try_emplace(port);
    if (!entrypoint_.empty()) body.entrypoint = texts{entrypoint_.back()};
}

void container_flags::fill_host(api::create_body& body) const {
    api::wire_host_config& host = body.host;
    host.auto_remove = remove;
    host.capabilities_to_add = unless_empty(capability_names(capabilities_added_));
    host.capabilities_to_drop = unless_empty(capability_names(capabilities_dropped_));
    host.extra_hosts = unless_empty(hosts_);
    host.dns = dns_;
    host.dns_options = dns_options_;
    host.dns_search = dns_search_;
    check_namespace("--pid", "PID", pid_, {"host"});
    check_namespace("--uts", "UTS", uts_, {"host"});
    check_namespace("--cgroupns", "CGROUP", cgroup_namespace_, {"host", "private"});
    check_namespace("--userns", "USER", user_namespace_, {"host"});
    host.additional_groups = unless_empty(groups_);
    texts security;
    for (const std::string& option : security_options_) {
        if (option == "systempaths=unconfined") {
            host.masked_paths.emplace();
            host.read_only_paths.emplace();
        } else {
            security.push_back(parse_security_option(option));
        }
    }
    host.security_options = unless_empty(security);
    texts binds;
    body.volumes.emplace();
    for (const std::string& volume : volumes_) {
        if (auto bind = parse_bind(volume)) {
            binds.push_back(std::move(*bind));
        } else {
            body.volumes->try_emplace(volume);
        }
    }
    host.binds = unless_empty(binds);
    host.user_namespace_mode = user_namespace_;
    host.cgroup_parent = cgroup_parent_;
    host.cgroup_namespace_mode = cgroup_namespace_;
    host.ipc_mode = ipc_;
    host.pid_mode = pid_;
    host.uts_mode = uts_;
    host.runtime = runtime_;
    host.is_privileged = is_privileged_;
    host.has_read_only_rootfs = is_read_only_;
    host.wants_init = wants_init_;
    host.log.type = log_driver_;
    if (log_driver_ == "none" && !log_options_.empty())
        throw error(errc::invalid, "invalid logging opts for driver none");
    for (const std::string& option : log_options_) host.log.config.insert(split_pair(option));
    if (!sysctls_.empty()) host.sysctls.emplace();
    for (const std::string& sysctl : sysctls_) host.sysctls->insert(split_pair(sysctl));
    if (!tmpfs_.empty()) host.tmpfs.emplace();
    for (const std::string& mount : tmpfs_) {
        const std::size_t colon = mount.find(':');
        host.tmpfs->emplace(mount.substr(0, colon), colon == std::string::npos ? "" : mount.substr(colon + 1));
    }
    host.restart = parse_restart_policy(restart_);
    if (remove && !host.restart.name.empty() && host.restart.name != "no")
        throw error(errc::invalid, "conflicting options: cannot specify both --restart and --rm");
    host.port_bindings.emplace();
    if (!ports_.empty()) {
        std::map<std::string, std::vector<string_map>> bindings;
        for (const std::string& port : ports_)
            for (const published_port& one : parse_published_ports(port)) {
                body.exposed_ports.try_emplace(one.inside);
                bindings[one.inside].push_back({{"HostIp", one.address}, {"HostPort", one.outside}});
            }
        for (const auto& [port, hosts] : bindings) (*host.port_bindings)[port] = {io::to_json(hosts)};
    }
}

void container_flags::fill_limits(api::wire_host_config& host) const {
    host.pids_limit = pids_limit_;
    host.cpu_shares = cpu_shares_.value_or(0);
    host.oom_score_adjust = oom_score_.value_or(0);
    host.cpuset_cpus = cpuset_;
    host.memory = memory_;
    host.memory_reservation = memory_reservation_;
    host.memory_swap = memory_swap_;
    host.shm_size = shm_size_;
    host.nano_cpus = nano_cpus_;
    host.ulimits = ulimits_;
    host.cpu_period = cpu_period_.value_or(0);
    host.cpu_quota = cpu_quota_.value_or(0);
    host.cpuset_mems = cpuset_memory_;
    if (disables_oom_kill_) host.oom_kill_disabled = true;
    if (!swappiness_ || *swappiness_ == -1) return;
    if (*swappiness_ < 0 || *swappiness_ > 100)
        throw error(errc::invalid, "invalid value: {}. Valid memory swappiness range is 0-100", *swappiness_);
    host.memory_swappiness = swappiness_;
}

api::create_body container_flags::request(const std::vector<std::string>& words) const {
    if (pull != "always" && pull != "missing" && pull != "never")
        throw error(errc::invalid, "invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"",
                    pull);
    api::create_body body;
    body.image = words[0];
    if (words.size() > 1) body.command = texts{words.begin() + 1, words.end()};
    fill_config(body);
    fill_host(body);
    fill_limits(body.host);
    networks_.fill(body);
    unoffered_.fill(body);
    return body;
}

api::create_body container_flags::checked_request(std::string_view command, const texts& words) const {
    try {
        return request(words);
    } catch (const error& e) {
        throw failure_with_help(125, command, e.text());
    }
}

} // namespace davit::cli
