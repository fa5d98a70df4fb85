#include "modules/containers/record_store.h"

#include "core/error.h"
#include "core/fields.h"
#include "core/log.h"
#include "io/json.h"

namespace davit {

namespace {

constexpr const char* table = "containers";

struct stored_endpoint {
    std::string id;
    std::string network_id;
    std::string network_name;
    std::string ipv4;
    int ipv4_prefix_length = 0;
    std::string gateway;
    std::string mac;
    std::string host_interface;
};

struct stored_container {
    std::string id;
    std::string name;
    std::chrono::system_clock::time_point created_at{};
    std::string image_id;
    container_config config;
    host_config host;
    std::string state;
    std::int32_t pid = 0;
    int exit_code = 0;
    bool was_oom_killed = false;
    std::string error_text;
    std::chrono::system_clock::time_point started_at{};
    std::chrono::system_clock::time_point finished_at{};
    std::int64_t restart_count = 0;
    bool was_stopped_by_user = false;
    stored_endpoint network;
};

} // namespace

template <> struct fields_of<stored_endpoint> {
    using self = stored_endpoint;
    static constexpr auto list = field_list{
        field("id", &self::id, when_empty::omit),
        field("networkId", &self::network_id, when_empty::omit),
        field("networkName", &self::network_name, when_empty::omit),
        field("ipv4", &self::ipv4, when_empty::omit),
        field("ipv4PrefixLength", &self::ipv4_prefix_length, when_empty::omit),
        field("gateway", &self::gateway, when_empty::omit),
        field("mac", &self::mac, when_empty::omit),
        field("hostInterface", &self::host_interface, when_empty::omit),
    };
};

template <> struct fields_of<stored_container> {
    using self = stored_container;
    static constexpr auto list = field_list{
        field("id", &self::id),
        field("name", &self::name),
        field("createdAt", &self::created_at),
        field("imageId", &self::image_id),
        field("config", &self::config),
        field("host", &self::host),
        field("state", &self::state),
        field("pid", &self::pid, when_empty::omit),
        field("exitCode", &self::exit_code, when_empty::omit),
        field("wasOomKilled", &self::was_oom_killed, when_empty::omit),
        field("error", &self::error_text, when_empty::omit),
        field("startedAt", &self::started_at),
        field("finishedAt", &self::finished_at),
        field("restartCount", &self::restart_count, when_empty::omit),
        field("wasStoppedByUser", &self::was_stopped_by_user, when_empty::omit),
        field("network", &self::network),
    };
};

std::string to_stored(const container_record& record) {
    stored_container stored;
    stored.id = record.id;
    stored.name = record.name;
    stored.created_at = record.created_at;
    stored.image_id = record.image_id;
    stored.config = record.config;
    stored.host = record.host;
    stored.state = to_string(record.state);
    stored.pid = record.pid;
    stored.exit_code = record.exit_code;
    stored.was_oom_killed = record.was_oom_killed;
    stored.error_text = record.error;
    stored.started_at = record.started_at;
    stored.finished_at = record.finished_at;
    stored.restart_count = record.restart_count;
    stored.was_stopped_by_user = record.was_stopped_by_user;
    const endpoint& network = record.network;
    stored.network = {network.id,   network.network_id,         network.network_name,
                      network.ipv4, network.ipv4_prefix_length, network.gateway,
                      network.mac,  network.host_interface};
    return io::to_json(stored);
}

container_record from_stored(std::string_view text) {
    auto stored = io::parse<stored_container>(text, "a stored container");
    if (stored.id.empty()) throw error(errc::invalid, "a stored container has no id");
    container_record record;
    record.id = std::move(stored.id);
    record.name = std::move(stored.name);
    record.created_at = stored.created_at;
    record.image_id = std::move(stored.image_id);
    record.config = std::move(stored.config);
    record.host = std::move(stored.host);
    record.state = parse_container_state(stored.state);
    record.pid = stored.pid;
    record.exit_code = stored.exit_code;
    record.was_oom_killed = stored.was_oom_killed;
    record.error = std::move(stored.error_text);
    record.started_at = stored.started_at;
    record.finished_at = stored.finished_at;
    record.restart_count = stored.restart_count;
    record.was_stopped_by_user = stored.was_stopped_by_user;
    stored_endpoint& network = stored.network;
    record.network = {std::move(network.id),   std::move(network.network_id),    std::move(network.network_name),
                      std::move(network.ipv4), network.ipv4_prefix_length,       std::move(network.gateway),
                      std::move(network.mac),  std::move(network.host_interface)};
    return record;
}

task<std::vector<container_record>> record_store::load() {
    std::vector<container_record> records;
    for (const auto& [id, text] : co_await store_.load(table)) {
        try {
            records.push_back(from_stored(text));
        } catch (const error& e) {
            log::error("the stored container {} can't be read and is left aside: {}", id, e.what());
            left_aside_.insert(id);
        }
    }
    co_return records;
}

void record_store::put(const container_record& record) {
    store_.put(table, record.id, to_stored(record));
}

void record_store::erase(const std::string& id) {
    store_.erase(table, id);
}

} // namespace davit
