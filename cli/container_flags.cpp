#include "cli/container_flags.h"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "cli/command.h"

namespace davit::cli {

namespace {

using texts = std::vector<std::string>;

/// "64m", "1.5g", "1024": powers of 1024, as docker reads sizes.
std::int64_t parse_bytes(const std::string& text, std::string_view flag) {
    double number = 0;
    const char* const end = text.data() + text.size();
    auto [at, failed] = std::from_chars(text.data(), end, number);
    int power = 0;
    if (failed == std::errc{} && at != end) {
        const std::string_view units = "bkmgt";
        const std::size_t unit = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*at))));
        if (unit == std::string_view::npos) failed = std::errc::invalid_argument;
        power = static_cast<int>(unit);
        ++at;
        if (power > 0 && at != end && std::tolower(static_cast<unsigned char>(*at)) == 'b') ++at;
    }
    if (failed != std::errc{} || at != end || number < 0)
        throw exit_error(125, "invalid argument \"{}\" for \"--{}\" flag: invalid size: '{}'", text, flag, text);
    for (; power > 0; --power) number *= 1024;
    return static_cast<std::int64_t>(number);
}

texts read_lines(const std::string& path) {
    std::ifstream file{path};
    if (!file) throw exit_error(125, "davit: open {}: no such file or directory", path);
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

std::pair<std::string, std::string> split_pair(const std::string& text) {
    const std::size_t equals = text.find('=');
    return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

std::optional<texts> unless_empty(const texts& given) {
    return given.empty() ? std::nullopt : std::optional{given};
}

ulimit_config parse_ulimit(const std::string& text) {
    const auto [name, limits] = split_pair(text);
    ulimit_config parsed{name, 0, 0};
    const std::size_t colon = limits.find(':');
    try {
        parsed.soft = std::stoll(limits.substr(0, colon));
        parsed.hard = colon == std::string::npos ? parsed.soft : std::stoll(limits.substr(colon + 1));
    } catch (const std::exception&) {
        throw exit_error(125, "invalid argument \"{}\" for \"--ulimit\" flag: invalid ulimit argument: {}", text, text);
    }
    return parsed;
}

} // namespace

void container_flags::declare(flag_set& flags) {
    flags.list("add-host", 0, hosts_, "Add a custom host-to-IP mapping (host:ip)");
    flags.list("attach", 'a', attach, "Attach to STDIN, STDOUT or STDERR");
    flags.list("cap-add", 0, capabilities_added_, "Add Linux capabilities");
    flags.list("cap-drop", 0, capabilities_dropped_, "Drop Linux capabilities");
    flags.text("cgroup-parent", 0, cgroup_parent_, "Optional parent cgroup for the container");
    flags.text("cgroupns", 0, cgroup_namespace_, "Cgroup namespace to use (host|private)");
    flags.text("cidfile", 0, id_file, "Write the container ID to the file");
    flags.number("cpu-shares", 'c', cpu_shares_, "CPU shares (relative weight)");
    flags.text("cpus", 0, cpus_, "Number of CPUs", "decimal");
    flags.text("cpuset-cpus", 0, cpuset_, "CPUs in which to allow execution (0-3, 0,1)");
    flags.list("dns", 0, dns_, "Set custom DNS servers");
    flags.list("dns-option", 0, dns_options_, "Set DNS options");
    flags.list("dns-search", 0, dns_search_, "Set custom DNS search domains");
    flags.text("domainname", 0, domain_name_, "Container NIS domain name");
    flags.list("entrypoint", 0, entrypoint_, "Overwrite the default ENTRYPOINT of the image", "string");
    flags.list("env", 'e', environment_, "Set environment variables");
    flags.list("env-file", 0, environment_files_, "Read in a file of environment variables");
    flags.list("group-add", 0, groups_, "Add additional groups to join");
    flags.text("hostname", 'h', hostname_, "Container host name");
    flags.optional_boolean("init", wants_init_,
                           "Run an init inside the container that forwards signals and reaps processes");
    flags.boolean("interactive", 'i', interactive, "Keep STDIN open even if not attached");
    flags.text("ipc", 0, ipc_, "IPC mode to use");
    flags.list("label", 'l', labels_, "Set meta data on a container");
    flags.list("label-file", 0, label_files_, "Read in a line delimited file of labels");
    flags.text("log-driver", 0, log_driver_, "Logging driver for the container");
    flags.list("log-opt", 0, log_options_, "Log driver options");
    flags.text("memory", 'm', memory_, "Memory limit", "bytes");
    flags.text("memory-reservation", 0, memory_reservation_, "Memory soft limit", "bytes");
    flags.text("memory-swap", 0, memory_swap_, "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
               "bytes");
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
    flags.text("shm-size", 0, shm_size_, "Size of /dev/shm", "bytes");
    flags.text("stop-signal", 0, stop_signal_, "Signal to stop the container");
    flags.number("stop-timeout", 0, stop_timeout_, "Timeout (in seconds) to stop a container");
    flags.list("sysctl", 0, sysctls_, "Sysctl options", "map");
    flags.list("tmpfs", 0, tmpfs_, "Mount a tmpfs directory");
    flags.boolean("tty", 't', tty, "Allocate a pseudo-TTY");
    flags.list("ulimit", 0, ulimits_, "Ulimit options", "ulimit");
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
    host.capabilities_to_add = unless_empty(capabilities_added_);
    host.capabilities_to_drop = unless_empty(capabilities_dropped_);
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
    if (!memory_.empty()) host.memory = parse_bytes(memory_, "memory");
    if (!memory_reservation_.empty()) host.memory_reservation = parse_bytes(memory_reservation_, "memory-reservation");
    if (!memory_swap_.empty()) host.memory_swap = memory_swap_ == "-1" ? -1 : parse_bytes(memory_swap_, "memory-swap");
    if (!shm_size_.empty()) host.shm_size = parse_bytes(shm_size_, "shm-size");
    if (!cpus_.empty()) {
        double cpus = 0;
        const auto [end, failed] = std::from_chars(cpus_.data(), cpus_.data() + cpus_.size(), cpus);
        if (failed != std::errc{} || end != cpus_.data() + cpus_.size())
            throw exit_error(125,
                             "invalid argument \"{}\" for \"--cpus\" flag: failed to parse {} as a rational number",
                             cpus_, cpus_);
        host.nano_cpus = static_cast<std::int64_t>(cpus * 1e9);
    }
    if (!sysctls_.empty()) host.sysctls.emplace();
    for (const std::string& sysctl : sysctls_) host.sysctls->insert(split_pair(sysctl));
    if (!tmpfs_.empty()) host.tmpfs.emplace();
    for (const std::string& mount : tmpfs_) {
        const std::size_t colon = mount.find(':');
        host.tmpfs->emplace(mount.substr(0, colon), colon == std::string::npos ? "" : mount.substr(colon + 1));
    }
    if (!ulimits_.empty()) host.ulimits.emplace();
    for (const std::string& ulimit : ulimits_) host.ulimits->push_back(parse_ulimit(ulimit));
    if (!restart_.empty()) {
        const std::size_t colon = restart_.find(':');
        host.restart.name = restart_.substr(0, colon);
        if (colon != std::string::npos)
            std::from_chars(restart_.data() + colon + 1, restart_.data() + restart_.size(),
                            host.restart.maximum_retry_count);
    }
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
    api::create_body body;
    body.image = words[0];
    if (words.size() > 1) body.command = texts{words.begin() + 1, words.end()};
    fill_config(body);
    fill_host(body);
    return body;
}

} // namespace davit::cli
