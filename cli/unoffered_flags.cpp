#include "cli/unoffered_flags.h"

#include "cli/option_values.h"
#include "cli/value.h"
#include "core/error.h"

namespace davit::cli {

namespace {

std::string without_blanks(std::string text) {
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \t") + 1);
    return text;
}

/// "type=bind,src=/a,dst=/b,readonly" as the API's Mount.
std::string parse_mount(const std::string& text) {
    value mount;
    mount.set("Type", "volume");
    value::object fields = *mount.as_object();
    const std::string all = text + ",";
    for (std::size_t begin = 0, end; (end = all.find(',', begin)) != std::string::npos; begin = end + 1) {
        const std::string field = without_blanks(all.substr(begin, end - begin));
        const auto [key, wanted] = split_pair(field);
        const bool is_flag = key == "readonly" || key == "ro";
        if (field.find('=') == std::string::npos && !is_flag)
            throw error(errc::invalid, "invalid field '{}' must be a key=value pair", field);
        if (key == "type")
            fields.front().second = wanted;
        else if (key == "source" || key == "src")
            fields.emplace_back("Source", wanted);
        else if (key == "target" || key == "dst" || key == "destination")
            fields.emplace_back("Target", wanted);
        else if (is_flag)
            fields.emplace_back("ReadOnly", wanted.empty() || wanted == "true" || wanted == "1");
        else
            throw error(errc::invalid, "unexpected key '{}' in '{}'", key, field);
    }
    return value{std::move(fields)}.to_json();
}

/// "/dev/host[:/dev/inside][:rwm]" as the API's DeviceMapping.
std::string parse_device(const std::string& text) {
    const std::size_t first = text.find(':');
    const std::string outside = text.substr(0, first);
    std::string inside = outside, access = "rwm";
    if (first != std::string::npos) {
        const std::size_t second = text.find(':', first + 1);
        const std::string middle = text.substr(first + 1, second - first - 1);
        const bool is_access = second == std::string::npos && middle.find_first_not_of("rwm") == std::string::npos;
        (is_access ? access : inside) = middle;
        if (second != std::string::npos) access = text.substr(second + 1);
    }
    if (!outside.starts_with('/')) throw error(errc::invalid, "{} is not an absolute path", outside);
    value device;
    device.set("PathOnHost", outside);
    device.set("PathInContainer", inside);
    device.set("CgroupPermissions", access);
    return device.to_json();
}

/// "all" or a number of graphics processors as the API's DeviceRequest.
std::string parse_device_request(const std::string& text) {
    value request;
    request.set("Driver", "");
    std::int64_t count = -1;
    if (text != "all") count = parse_whole_number(text);
    request.set("Count", count);
    request.set("Capabilities", value::list{value::list{value{"gpu"}}});
    return request.to_json();
}

/// "/dev/sda:1mb" as the API's ThrottleDevice, or as its WeightDevice.
std::string parse_block_limit(const std::string& text, std::string_view field, bool is_size) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) throw error(errc::invalid, "bad format: {}", text);
    if (!text.starts_with("/dev/")) throw error(errc::invalid, "bad format for device path: {}", text);
    const std::string amount = text.substr(colon + 1);
    value limit;
    limit.set("Path", text.substr(0, colon));
    limit.set(std::string{field}, is_size ? parse_bytes(amount) : parse_whole_number(amount));
    return limit.to_json();
}

/// [{…}, …] of JSON texts.
std::string array_of(const std::vector<std::string>& elements) {
    std::string text;
    for (const std::string& element : elements) text += (text.empty() ? "" : ",") + element;
    return "[" + text + "]";
}

std::vector<raw_json> raw(const std::vector<std::string>& elements) {
    std::vector<raw_json> made;
    for (const std::string& element : elements) made.push_back({element});
    return made;
}

raw_json object_of(const std::vector<std::string>& pairs) {
    value made;
    for (const std::string& pair : pairs) made.set(split_pair(pair).first, split_pair(pair).second);
    return {made.to_json()};
}

void check_device_rule(const std::string& text) {
    const std::size_t colon = text.find(':');
    const bool is_right = text.size() > 4 && std::string_view{"abc"}.find(text[0]) != std::string_view::npos &&
                          text[1] == ' ' && colon != std::string::npos && text.find(' ', colon) != std::string::npos;
    if (!is_right) throw error(errc::invalid, "invalid device cgroup format '{}'", text);
}

} // namespace

void unoffered_flags::declare(flag_set& flags) {
    const auto json_list = [&](std::string_view name, std::string_view type, std::string_view help, texts& into,
                               std::string (*parse)(const std::string&)) {
        flags.parsed(name, 0, type, help, [&into, parse](const std::string& text) { into.push_back(parse(text)); });
    };
    const auto block_limit = [&](std::string_view name, std::string_view help, std::string key, std::string_view field,
                                 bool is_size) {
        flags.parsed(name, 0, "list", help, [&into = block_limits_[key], field, is_size](const std::string& text) {
            into.push_back(parse_block_limit(text, field, is_size));
        });
    };
    const auto span = [&](std::string_view name, std::string_view help, std::int64_t& into) {
        flags.parsed(name, 0, "duration", help, [&into](const std::string& text) {
            const auto parsed = parse_span(text);
            if (!parsed || text.empty()) throw error(errc::invalid, "time: invalid duration \"{}\"", text);
            into = parsed->count();
        });
    };
    flags.list("annotation", 0, annotations_, "Add an annotation to the container", "map");
    flags.number("blkio-weight", 0, block_weight_, "Block IO (relative weight), between 10 and 1000", "uint16");
    block_limit("blkio-weight-device", "Block IO weight (relative device weight)", "weight", "Weight", false);
    flags.number("cpu-count", 0, cpu_count_, "CPU count (Windows only)");
    flags.number("cpu-percent", 0, cpu_percent_, "CPU percent (Windows only)");
    flags.number("cpu-rt-period", 0, realtime_period_, "Limit CPU real-time period in microseconds");
    flags.number("cpu-rt-runtime", 0, realtime_runtime_, "Limit CPU real-time runtime in microseconds");
    json_list("device", "list", "Add a host device to the container", devices_, parse_device);
    flags.parsed("device-cgroup-rule", 0, "list", "Add a rule to the cgroup allowed devices list",
                 [this](const std::string& text) {
                     check_device_rule(text);
                     device_rules_.push_back(text);
                 });
    block_limit("device-read-bps", "Limit read rate (bytes per second) from a device", "read_bps", "Rate", true);
    block_limit("device-read-iops", "Limit read rate (IO per second) from a device", "read_iops", "Rate", false);
    block_limit("device-write-bps", "Limit write rate (bytes per second) to a device", "write_bps", "Rate", true);
    block_limit("device-write-iops", "Limit write rate (IO per second) to a device", "write_iops", "Rate", false);
    json_list("gpus", "gpu-request", "GPU devices to add to the container ('all' to pass all GPUs)", device_requests_,
              parse_device_request);
    flags.text("health-cmd", 0, health_command_, "Command to run to check health");
    span("health-interval", "Time between running the check (ms|s|m|h)", health_interval_);
    flags.number("health-retries", 0, health_retries_, "Consecutive failures needed to report unhealthy");
    span("health-start-interval", "Time between running the check during the start period (ms|s|m|h)",
         health_start_interval_);
    span("health-start-period", "Time for the container to initialize before failures count (ms|s|m|h)",
         health_start_period_);
    span("health-timeout", "Maximum time to allow one check to run (ms|s|m|h)", health_timeout_);
    flags.parsed("io-maxbandwidth", 0, "bytes", "Maximum IO bandwidth limit for the system drive (Windows only)",
                 [this](const std::string& text) { io_bandwidth_ = parse_bytes(text); });
    flags.number("io-maxiops", 0, io_rate_, "Maximum IOps limit for the system drive (Windows only)", "uint");
    flags.text("ip", 0, ip_, "IPv4 address (e.g., 172.30.100.104)");
    flags.text("ip6", 0, ip6_, "IPv6 address (e.g., 2001:db8::33)");
    flags.text("isolation", 0, isolation_, "Container isolation technology");
    flags.list("link", 0, links_, "Add link to another container");
    flags.list("link-local-ip", 0, link_local_addresses_, "Container IPv4/IPv6 link-local addresses");
    flags.text("mac-address", 0, mac_address_, "Container MAC address (e.g., 92:d0:c6:0a:29:33)");
    json_list("mount", "mount", "Attach a filesystem mount to the container", mounts_, parse_mount);
    flags.list("network-alias", 0, aliases_, "Add network-scoped alias for the container");
    flags.alias("net-alias", "network-alias");
    flags.boolean("no-healthcheck", 0, has_no_health_check_, "Disable any container-specified HEALTHCHECK");
    flags.boolean("publish-all", 'P', publishes_all_, "Publish all exposed ports to random ports");
    flags.list("storage-opt", 0, storage_options_, "Storage driver options for the container");
    flags.text("volume-driver", 0, volume_driver_, "Optional volume driver for the container");
    flags.list("volumes-from", 0, volumes_from_, "Mount volumes from the specified container(s)");
}

void unoffered_flags::fill_health(api::create_body& body) const {
    const bool is_asked = !health_command_.empty() || health_interval_ != 0 || health_timeout_ != 0 ||
                          health_start_period_ != 0 || health_start_interval_ != 0 || health_retries_;
    if (has_no_health_check_) {
        if (is_asked) throw error(errc::invalid, "--no-healthcheck conflicts with --health-* options");
        body.healthcheck.emplace().test = texts{"NONE"};
    } else if (is_asked) {
        health_config& check = body.healthcheck.emplace();
        if (!health_command_.empty()) check.test = texts{"CMD-SHELL", health_command_};
        check.interval = health_interval_;
        check.timeout = health_timeout_;
        check.start_period = health_start_period_;
        check.start_interval = health_start_interval_;
        check.retries = health_retries_.value_or(0);
    }
}

void unoffered_flags::fill_network(api::create_body& body) const {
    const bool has_address = !ip_.empty() || !ip6_.empty() || !link_local_addresses_.empty();
    if (!has_address && mac_address_.empty() && aliases_.empty()) return;
    if (!aliases_.empty()) {
        for (const std::string_view known : {"default", "bridge", "none", "host"})
            if (body.host.network_mode == known)
                throw error(errc::invalid, "network-scoped aliases are only supported for user-defined networks");
    }
    api::endpoint_settings& settings = body.networking.endpoints[body.host.network_mode].emplace();
    if (has_address) {
        value addresses;
        if (!ip_.empty()) addresses.set("IPv4Address", ip_);
        if (!ip6_.empty()) addresses.set("IPv6Address", ip6_);
        if (!link_local_addresses_.empty())
            addresses.set("LinkLocalIPs", value::list(link_local_addresses_.begin(), link_local_addresses_.end()));
        settings.ipam_config = {addresses.to_json()};
    }
    settings.mac_address = mac_address_;
    if (!aliases_.empty()) settings.aliases = aliases_;
}

void unoffered_flags::fill(api::create_body& body) const {
    api::wire_host_config& host = body.host;
    if (!mounts_.empty()) host.mounts = raw(mounts_);
    if (!devices_.empty()) host.devices = raw(devices_);
    if (!device_requests_.empty()) host.device_requests = raw(device_requests_);
    if (!device_rules_.empty()) host.device_cgroup_rules = device_rules_;
    if (!volumes_from_.empty()) host.volumes_from = volumes_from_;
    if (!links_.empty()) host.links = links_;
    host.publishes_all_ports = publishes_all_;
    if (!annotations_.empty()) host.annotations = object_of(annotations_);
    if (!storage_options_.empty()) host.storage_options = object_of(storage_options_);
    host.volume_driver = {value{volume_driver_}.to_json()};
    host.isolation = {value{isolation_}.to_json()};
    for (const auto& [key, member] : {std::pair{"weight", &api::wire_host_config::blkio_weight_device},
                                      std::pair{"read_bps", &api::wire_host_config::blkio_read_bps},
                                      std::pair{"read_iops", &api::wire_host_config::blkio_read_iops},
                                      std::pair{"write_bps", &api::wire_host_config::blkio_write_bps},
                                      std::pair{"write_iops", &api::wire_host_config::blkio_write_iops}})
        if (const auto at = block_limits_.find(key); at != block_limits_.end()) host.*member = {array_of(at->second)};
    for (const auto& [given, member] : {std::pair{&block_weight_, &api::wire_host_config::blkio_weight},
                                        std::pair{&realtime_period_, &api::wire_host_config::cpu_realtime_period},
                                        std::pair{&realtime_runtime_, &api::wire_host_config::cpu_realtime_runtime},
                                        std::pair{&cpu_count_, &api::wire_host_config::cpu_count},
                                        std::pair{&cpu_percent_, &api::wire_host_config::cpu_percent},
                                        std::pair{&io_rate_, &api::wire_host_config::io_maximum_iops}})
        host.*member = {std::to_string(given->value_or(0))};
    host.io_maximum_bandwidth = {std::to_string(io_bandwidth_)};
    fill_health(body);
    fill_network(body);
}

} // namespace davit::cli
