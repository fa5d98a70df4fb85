#include "cli/unoffered_flags.h"

#include <algorithm>
#include <set>

#include "cli/mount_option.h"
#include "cli/option_values.h"
#include "cli/value.h"
#include "core/error.h"

namespace davit::cli {

namespace {

/// r, w and m, each once at most.
bool is_access(const std::string& text) {
    return !text.empty() && text.size() <= 3 && text.find_first_not_of("rwm") == std::string::npos &&
           std::set<char>(text.begin(), text.end()).size() == text.size();
}

/// "/dev/host[:/dev/inside][:rwm]" as the API's DeviceMapping.
std::string parse_device(const std::string& text) {
    const std::size_t first = text.find(':');
    const std::string outside = text.substr(0, first);
    std::string inside = outside, access = "rwm";
    if (outside.empty() || std::count(text.begin(), text.end(), ':') > 2)
        throw error(errc::invalid, "bad format for path: {}", text);
    if (first != std::string::npos) {
        const std::size_t second = text.find(':', first + 1);
        const std::string middle = text.substr(first + 1, second - first - 1);
        (second == std::string::npos && is_access(middle) ? access : inside) = middle;
        if (second != std::string::npos) access = text.substr(second + 1);
        if (!is_access(access)) throw error(errc::invalid, "bad mode specified: {}", access);
    }
    if (!inside.starts_with('/')) throw error(errc::invalid, "{} is not an absolute path", inside);
    value device;
    device.set("PathOnHost", outside);
    device.set("PathInContainer", inside);
    device.set("CgroupPermissions", access);
    return device.to_json();
}

value list_of(const std::vector<std::string>& texts) {
    return value::list(texts.begin(), texts.end());
}

std::int64_t count_of_processors(const std::string& text) {
    if (text == "all") return -1;
    try {
        return parse_whole_number(text);
    } catch (const error&) {
        throw error(errc::invalid, "invalid count ({}): value must be either \"all\" or an integer: invalid syntax",
                    text);
    }
}

/// "all", a number of graphics processors, or fields of them, as the API's DeviceRequest.
std::string parse_device_request(const std::string& text) {
    value request, options{value::object{}};
    std::vector<std::string> abilities;
    std::set<std::string> seen;
    for (const std::string& field : split_csv(text)) {
        const bool is_count = field.find('=') == std::string::npos;
        const auto [written, wanted] = split_pair(field);
        const std::string key = is_count ? "count" : written;
        if (!seen.insert(key).second)
            throw error(errc::invalid, "gpu request key '{}' can be specified only once", key);
        if (key == "driver") {
            request.set("Driver", wanted);
        } else if (key == "count") {
            request.set("Count", count_of_processors(is_count ? field : wanted));
        } else if (key == "device") {
            request.set("DeviceIDs", list_of(split_csv(wanted)));
        } else if (key == "capabilities") {
            abilities = split_csv(wanted);
        } else if (key == "options") {
            for (const std::string& option : split_csv(wanted))
                options.set(split_pair(option).first, split_pair(option).second);
        } else {
            throw error(errc::invalid, "unexpected key '{}' in '{}'", key, field);
        }
    }
    if (!seen.contains("count") && !seen.contains("device")) request.set("Count", std::int64_t{1});
    abilities.emplace_back("gpu");
    value::list alternatives;
    alternatives.push_back(list_of(abilities));
    request.set("Capabilities", std::move(alternatives));
    request.set("Options", std::move(options));
    return request.to_json();
}

/// What a limit of a block device counts.
enum class block_unit : unsigned char { weight, bytes, operations };

std::optional<std::int64_t> read_block_limit(const std::string& amount, block_unit unit) {
    try {
        const std::int64_t read = unit == block_unit::bytes ? parse_bytes(amount) : parse_whole_number(amount);
        const bool is_right = unit == block_unit::weight ? read == 0 || (read >= 10 && read <= 1000) : read >= 0;
        return is_right ? std::optional{read} : std::nullopt;
    } catch (const error&) {
        return std::nullopt;
    }
}

/// "/dev/sda:1mb" as the API's ThrottleDevice, or as its WeightDevice.
std::string parse_block_limit(const std::string& text, block_unit unit) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) throw error(errc::invalid, "bad format: {}", text);
    if (!text.starts_with("/dev/")) throw error(errc::invalid, "bad format for device path: {}", text);
    const auto amount = read_block_limit(text.substr(colon + 1), unit);
    if (!amount && unit == block_unit::weight) throw error(errc::invalid, "invalid weight for device: {}", text);
    if (!amount)
        throw error(errc::invalid, "invalid rate for device: {}. The correct format is <device-path>:<number>{}", text,
                    unit == block_unit::bytes ? "[<unit>]. Number must be a positive integer. Unit is optional and can "
                                                "be kb, mb, or gb"
                                              : ". Number must be a positive integer");
    value limit;
    limit.set("Path", text.substr(0, colon));
    limit.set(unit == block_unit::weight ? "Weight" : "Rate", *amount);
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
    const auto block_limit = [&](std::string_view name, std::string_view help, std::string key, block_unit unit) {
        flags.parsed(name, 0, "list", help, [&into = block_limits_[key], unit](const std::string& text) {
            into.push_back(parse_block_limit(text, unit));
        });
    };
    const auto span = [&](std::string_view name, std::string_view help, std::int64_t& into) {
        flags.parsed(name, 0, "duration", help, [&into](const std::string& text) {
            const auto parsed = parse_span(text);
            if (!parsed || text.empty()) throw error(errc::invalid, "time: invalid duration \"{}\"", text);
            into = parsed->count();
        });
    };
    flags.list("annotation", 0, annotations_, "Add an annotation to the container (passed through to the OCI runtime)",
               "map");
    flags.since("annotation", "1.43");
    flags.number("blkio-weight", 0, block_weight_,
                 "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)", "uint16");
    block_limit("blkio-weight-device", "Block IO weight (relative device weight)", "weight", block_unit::weight);
    flags.number("cpu-count", 0, cpu_count_, "CPU count (Windows only)");
    flags.number("cpu-percent", 0, cpu_percent_, "CPU percent (Windows only)");
    flags.number("cpu-rt-period", 0, realtime_period_, "Limit CPU real-time period in microseconds");
    flags.number("cpu-rt-runtime", 0, realtime_runtime_, "Limit CPU real-time runtime in microseconds");
    flags.list("device", 0, devices_, "Add a host device to the container");
    flags.parsed("device-cgroup-rule", 0, "list", "Add a rule to the cgroup allowed devices list",
                 [this](const std::string& text) {
                     check_device_rule(text);
                     device_rules_.push_back(text);
                 });
    block_limit("device-read-bps", "Limit read rate (bytes per second) from a device", "read_bps", block_unit::bytes);
    block_limit("device-read-iops", "Limit read rate (IO per second) from a device", "read_iops",
                block_unit::operations);
    block_limit("device-write-bps", "Limit write rate (bytes per second) to a device", "write_bps", block_unit::bytes);
    block_limit("device-write-iops", "Limit write rate (IO per second) to a device", "write_iops",
                block_unit::operations);
    json_list("gpus", "gpu-request", "GPU devices to add to the container ('all' to pass all GPUs)", device_requests_,
              parse_device_request);
    flags.text("health-cmd", 0, health_command_, "Command to run to check health");
    span("health-interval", "Time between running the check (ms|s|m|h)", health_interval_);
    flags.number("health-retries", 0, health_retries_, "Consecutive failures needed to report unhealthy");
    span("health-start-interval", "Time between running the check during the start period (ms|s|m|h)",
         health_start_interval_);
    flags.since("health-start-interval", "1.44");
    span("health-start-period",
         "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
         health_start_period_);
    span("health-timeout", "Maximum time to allow one check to run (ms|s|m|h)", health_timeout_);
    flags.parsed("io-maxbandwidth", 0, "bytes", "Maximum IO bandwidth limit for the system drive (Windows only)",
                 [this](const std::string& text) { io_bandwidth_ = parse_bytes(text); });
    flags.number("io-maxiops", 0, io_rate_, "Maximum IOps limit for the system drive (Windows only)", "uint");
    flags.text("isolation", 0, isolation_, "Container isolation technology");
    json_list("mount", "mount", "Attach a filesystem mount to the container", mounts_, parse_mount);
    flags.boolean("no-healthcheck", 0, has_no_health_check_, "Disable any container-specified HEALTHCHECK");
    flags.boolean("publish-all", 'P', publishes_all_, "Publish all exposed ports to random ports");
    flags.list("storage-opt", 0, storage_options_, "Storage driver options for the container");
    flags.text("volume-driver", 0, volume_driver_, "Optional volume driver for the container");
    flags.hide({"cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"});
    flags.list("volumes-from", 0, volumes_from_, "Mount volumes from the specified container(s)");
}

void unoffered_flags::fill_health(api::create_body& body) const {
    const bool is_asked = !health_command_.empty() || health_interval_ != 0 || health_timeout_ != 0 ||
                          health_start_period_ != 0 || health_start_interval_ != 0 || health_retries_;
    if (has_no_health_check_) {
        if (is_asked) throw error(errc::invalid, "--no-healthcheck conflicts with --health-* options");
        body.healthcheck.emplace().test = texts{"NONE"};
    } else if (is_asked) {
        for (const auto& [name, given] :
             {std::pair{"interval", health_interval_}, std::pair{"timeout", health_timeout_},
              std::pair{"retries", health_retries_.value_or(0)}, std::pair{"start-period", health_start_period_},
              std::pair{"start-interval", health_start_interval_}})
            if (given < 0) throw error(errc::invalid, "--health-{} cannot be negative", name);
        health_config& check = body.healthcheck.emplace();
        if (!health_command_.empty()) check.test = texts{"CMD-SHELL", health_command_};
        check.interval = health_interval_;
        check.timeout = health_timeout_;
        check.start_period = health_start_period_;
        check.start_interval = health_start_interval_;
        check.retries = health_retries_.value_or(0);
    }
}

/// "vendor.com/class=name" is no file but a device of the Container Device Interface.
void unoffered_flags::fill_devices(api::wire_host_config& host) const {
    texts mapped, requested = device_requests_, named;
    for (const std::string& device : devices_) {
        const std::size_t slash = device.find('/');
        const bool is_named = slash != 0 && slash != std::string::npos && device.find('=', slash) != std::string::npos;
        if (is_named)
            named.push_back(device);
        else
            mapped.push_back(parse_device(device));
    }
    if (!named.empty()) {
        value request;
        request.set("Driver", "cdi");
        request.set("DeviceIDs", list_of(named));
        requested.push_back(request.to_json());
    }
    host.devices = raw(mapped);
    if (!requested.empty()) host.device_requests = raw(requested);
}

void unoffered_flags::fill(api::create_body& body) const {
    api::wire_host_config& host = body.host;
    if (!mounts_.empty()) host.mounts = raw(mounts_);
    fill_devices(host);
    for (const std::string& option : storage_options_)
        if (option.find('=') == std::string::npos) throw error(errc::invalid, "invalid storage option");
    if (!device_rules_.empty()) host.device_cgroup_rules = device_rules_;
    if (!volumes_from_.empty()) host.volumes_from = volumes_from_;
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
}

} // namespace davit::cli
