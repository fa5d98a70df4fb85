#include "cli/container_flags.h"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "cli/command.h"
#include "cli/option_values.h"
#include "core/error.h"
#include "io/json.h"

namespace davit::cli {

namespace {

using texts = std::vector<std::string>;

texts read_lines(const std::string& path) {
    std::ifstream file{path};
    if (!file) throw error(errc::invalid, "open {}: no such file or directory", path);
    texts lines;
    for (std::string line; std::getline(file, line);) {
        const std::size_t begin = line.find_first_not_of(" \t");
        if (begin != std::string::npos && line[begin] != '#') lines.push_back(line.substr(begin));
    }
    return lines;
}

/// NAME takes the value that this program's own environment has; nothing when it has none.
void add_variable(texts& to, const std::string& assignment) {
    if (assignment.find('=') != std::string::npos) {
        to.push_back(assignment);
    } else if (const char* value = std::getenv(assignment.c_str())) {
        to.push_back(assignment + "=" + value);
    }
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

std::string parse_stream(const std::string& text) {
    std::string name = text;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name == "stdin" || name == "stdout" || name == "stderr") return name;
    throw error(errc::invalid, "valid streams are STDIN, STDOUT and STDERR");
}

} // namespace

void container_flags::declare(flag_set& flags) {
    flags.list("add-host", 0, hosts_, "Add a custom host-to-IP mapping (host:ip)");
    flags.parsed("attach", 'a', "list", "Attach to STDIN, STDOUT or STDERR",
                 [this](const std::string& text) { attach.push_back(parse_stream(text)); });
    flags.list("cap-add", 0, capabilities_added_, "Add Linux capabilities");
    flags.list("cap-drop", 0, capabilities_dropped_, "Drop Linux capabilities");
    flags.text("cgroup-parent", 0, cgroup_parent_, "Optional parent cgroup for the container");
    flags.text("cgroupns", 0, cgroup_namespace_, "Cgroup namespace to use (host|private)");
    flags.text("cidfile", 0, id_file, "Write the container ID to the file");
    flags.number("cpu-shares", 'c', cpu_shares_, "CPU shares (relative weight)");
    declare_parsed(flags, "cpus", 0, "decimal", "Number of CPUs", nano_cpus_, parse_cpus);
    flags.text("cpuset-cpus", 0, cpuset_, "CPUs in which to allow execution (0-3, 0,1)");
    flags.list("dns", 0, dns_, "Set custom DNS servers");
    flags.list("dns-option", 0, dns_options_, "Set DNS options");
    flags.list("dns-search", 0, dns_search_, "Set custom DNS search domains");
    flags.text("domainname", 0, domain_name_, "Container NIS domain name");
    flags.list("entrypoint", 0, entrypoint_, "Overwrite the default ENTRYPOINT of the image", "string");
    declare_checked(flags, "env", 'e', "Set environment variables", environment_, check_variable);
    flags.list("env-file", 0, environment_files_, "Read in a file of environment variables");
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
    declare_parsed(flags, "memory", 'm', "bytes", "Memory limit", memory_, parse_bytes);
    declare_parsed(flags, "memory-reservation", 0, "bytes", "Memory soft limit", memory_reservation_, parse_bytes);
    declare_parsed(flags, "memory-swap", 0, "bytes",
                   "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", memory_swap_, parse_swap);
    flags.text("name", 0, name, "Assign a name to the container");
    flags.text("network", 0, network_, "Connect a container to a network", "network");
    flags.alias("net", "network");
    flags.number("oom-score-adj", 0, oom_score_, "Tune host's OOM preferences (-1000 to 1000)");
    flags.text("pid", 0, pid_, "PID namespace to use");
    flags.number("pids-limit", 0, pids_limit_, "Tune container pids limit (set -1 for unlimited)");
    flags.text("platform", 0, platform, "Set platform if server is multi-platform capable");
    flags.boolean("privileged", 0, is_privileged_, "Give extended privileges to this container");
    flags.list("publish", 'p', ports_, "Publish a container's port(s) to the host");
    flags.text("pull", 0, pull, "Pull image before running (\"always\", \"missing\", \"never\")");
    flags.boolean("quiet", 'q', quiet, "Suppress the pull output");
    flags.boolean("read-only", 0, is_read_only_, "Mount the container's root filesystem as read only");
    flags.text("restart", 0, restart_, "Restart policy to apply when a container exits");
    flags.boolean("rm", 0, remove,
                  "Automatically remove the container and its associated anonymous volumes when it exits");
    flags.text("runtime", 0, runtime_, "Runtime to use for this container");
    flags.list("security-opt", 0, security_options_, "Security Options");
    declare_parsed(flags, "shm-size", 0, "bytes", "Size of /dev/shm", shm_size_, parse_bytes);
    flags.text("stop-signal", 0, stop_signal_, "Signal to stop the container");
    flags.number("stop-timeout", 0, stop_timeout_, "Timeout (in seconds) to stop a container");
    flags.list("sysctl", 0, sysctls_, "Sysctl options", "map");
    flags.list("tmpfs", 0, tmpfs_, "Mount a tmpfs directory");
    flags.boolean("tty", 't', tty, "Allocate a pseudo-TTY");
    flags.parsed("ulimit", 0, "ulimit", "Ulimit options",
                 [this](const std::string& text) { ulimits_.push_back(parse_ulimit(text)); });
    flags.text("user", 'u', user_, "Username or UID (format: <name|uid>[:<group|gid>])");
    flags.text("uts", 0, uts_, "UTS namespace to use");
    flags.list("volume", 'v', volumes_, "Bind mount a volume");
    flags.text("workdir", 'w', working_directory_, "Working directory inside the container");
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
    texts environment;
    for (const std::string& path : environment_files_)
        for (const std::string& line : read_lines(path)) add_variable(environment, line);
    for (const std::string& assignment : environment_) add_variable(environment, assignment);
    body.environment = unless_empty(environment);
    string_map labels;
    for (const std::string& path : label_files_)
        for (const std::string& line : read_lines(path))
            labels.insert_or_assign(split_pair(line).first, split_pair(line).second);
    for (const std::string& label : labels_) labels.insert_or_assign(split_pair(label).first, split_pair(label).second);
    if (!labels.empty()) body.labels = std::move(labels);
    if (!entrypoint_.empty()) body.entrypoint = texts{entrypoint_.back()};
}

void container_flags::fill_host(api::create_body& body) const {
    api::wire_host_config& host = body.host;
    host.auto_remove = remove;
    host.network_mode = network_.empty() ? "default" : network_;
    host.capabilities_to_add = unless_empty(capability_names(capabilities_added_));
    host.capabilities_to_drop = unless_empty(capability_names(capabilities_dropped_));
    host.extra_hosts = unless_empty(hosts_);
    host.dns = unless_empty(dns_);
    host.dns_options = unless_empty(dns_options_);
    host.dns_search = unless_empty(dns_search_);
    host.additional_groups = unless_empty(groups_);
    host.security_options = unless_empty(security_options_);
    host.binds = unless_empty(volumes_);
    host.cgroup_parent = cgroup_parent_;
    host.cgroup_namespace_mode = cgroup_namespace_;
    host.cpuset_cpus = cpuset_;
    host.ipc_mode = ipc_;
    host.pid_mode = pid_;
    host.uts_mode = uts_;
    host.runtime = runtime_;
    host.is_privileged = is_privileged_;
    host.has_read_only_rootfs = is_read_only_;
    host.wants_init = wants_init_;
    host.pids_limit = pids_limit_;
    host.cpu_shares = cpu_shares_.value_or(0);
    host.oom_score_adjust = oom_score_.value_or(0);
    host.log.type = log_driver_;
    for (const std::string& option : log_options_) host.log.config.insert(split_pair(option));
    host.memory = memory_;
    host.memory_reservation = memory_reservation_;
    host.memory_swap = memory_swap_;
    host.shm_size = shm_size_;
    host.nano_cpus = nano_cpus_;
    if (!sysctls_.empty()) host.sysctls.emplace();
    for (const std::string& sysctl : sysctls_) host.sysctls->insert(split_pair(sysctl));
    if (!tmpfs_.empty()) host.tmpfs.emplace();
    for (const std::string& mount : tmpfs_) {
        const std::size_t colon = mount.find(':');
        host.tmpfs->emplace(mount.substr(0, colon), colon == std::string::npos ? "" : mount.substr(colon + 1));
    }
    if (!ulimits_.empty()) host.ulimits = ulimits_;
    host.restart = parse_restart_policy(restart_);
    if (remove && !host.restart.name.empty() && host.restart.name != "no")
        throw error(errc::invalid, "conflicting options: cannot specify both --restart and --rm");
    if (!ports_.empty()) {
        std::map<std::string, std::vector<string_map>> bindings;
        for (const std::string& port : ports_) {
            const std::size_t colon = port.rfind(':');
            const std::string inside = colon == std::string::npos ? port : port.substr(colon + 1);
            const bool has_protocol = inside.find('/') != std::string::npos;
            bindings[has_protocol ? inside : inside + "/tcp"].push_back(
                {{"HostPort", colon == std::string::npos ? "" : port.substr(0, colon)}});
        }
        host.port_bindings.emplace();
        for (const auto& [port, hosts] : bindings) (*host.port_bindings)[port] = {io::to_json(hosts)};
    }
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
