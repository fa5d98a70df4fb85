#include "api/container_list.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "api/container_views.h"
#include "api/name_pattern.h"
#include "core/error.h"

namespace davit::api {

namespace {

/// One filter of patterns, compiled once for the whole list.
class pattern_filter {
  public:
    explicit pattern_filter(const std::vector<std::string>& values) : patterns_(values.begin(), values.end()) {}

    bool matches(std::string_view text) const {
        return patterns_.empty() || std::any_of(patterns_.begin(), patterns_.end(),
                                                [&](const name_pattern& pattern) { return pattern.matches(text); });
    }

  private:
    std::vector<name_pattern> patterns_;
};

[[noreturn]] void refuse_value(std::string_view filter, std::string_view value, std::string_view reason) {
    throw error(errc::invalid, "invalid filter '{}={}': {}", filter, value, reason);
}

class selection {
  public:
    selection(const engine& from, const container_list_query& query)
        : from_{from}, query_{query}, names_{query.only.values("name")}, ids_{query.only.values("id")} {
        query.only.allow({"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label",
                          "name", "network", "publish", "since", "status", "volume"});
        for (const auto& status : query.only.values("status")) {
            try {
                parse_container_state(status);
            } catch (const error&) {
                refuse_value("status", status,
                             fmt::format("invalid value for state ({}): must be one of created, running, paused, "
                                         "restarting, removing, exited, dead",
                                         status));
            }
        }
        for (const auto& health : query.only.values("health"))
            if (health != "none" && health != "starting" && health != "healthy" && health != "unhealthy")
                refuse_value("health", health,
                             fmt::format("invalid value for health ({}): must be one of none, starting, healthy, "
                                         "unhealthy",
                                         health));
        for (const auto& code : query.only.values("exited")) {
            int parsed = 0;
            const char* end = code.data() + code.size();
            const auto [at, failed] = std::from_chars(code.data(), end, parsed);
            if (failed != std::errc{} || at != end) refuse_value("exited", code, "an exit code is a whole number");
            exit_codes_.insert(parsed);
        }
        is_task_ = query.only.flag("is-task", false);
        for (const auto& name : query.only.values("ancestor"))
            if (const auto* image = from.images.find(name)) ancestors_.insert(image->id);
        wants_all_ = query.wants_all || query.limit > 0 || query.only.has("status");
    }

    bool includes(const container_record& container) const {
        const filters& only = query_.only;
        const bool is_running = container.state == container_state::running ||
                                container.state == container_state::paused ||
                                container.state == container_state::restarting;
        if (!is_running && !wants_all_) return false;
        if (is_task_) return false; // there are no swarm tasks
        if (!names_.matches(container.name) && !names_.matches("/" + container.name)) return false;
        if (!ids_.matches(container.id)) return false;
        if (!only.matches_exactly("status", to_string(container.state))) return false;
        if (only.has("exited") && (is_running || container.started_at == std::chrono::system_clock::time_point{} ||
                                   !exit_codes_.contains(container.exit_code)))
            return false;
        if (!only.matches_exactly("health", "none")) return false;
        if (only.has("ancestor") && !ancestors_.contains(container.image_id)) return false;
        if (!only.matches_labels("label", container.config.labels.value_or(string_map{}))) return false;
        if (only.has("network") && !is_on_a_network(container)) return false;
        if (only.has("expose") && !exposes_a_port(container)) return false;
        if (only.has("publish")) return false; // no container publishes a port
        if (only.has("volume") && !has_a_mount(container)) return false;
        return true;
    }

  private:
    bool is_on_a_network(const container_record& container) const {
        const auto name = network_of(container);
        if (query_.only.matches_exactly("network", name)) return true;
        const auto* driver = from_.networks.find(name);
        const auto& asked = query_.only.values("network");
        return driver && std::any_of(asked.begin(), asked.end(), [&](const std::string& id) {
                   return !id.empty() && driver->facts().id.starts_with(id);
               });
    }

    bool exposes_a_port(const container_record& container) const {
        const auto& asked = query_.only.values("expose");
        return std::any_of(asked.begin(), asked.end(), [&](const std::string& port) {
            return container.config.exposed_ports.contains(port.find('/') == std::string::npos ? port + "/tcp" : port);
        });
    }

    bool has_a_mount(const container_record& container) const {
        const auto binds = container.host.binds.value_or(std::vector<std::string>{});
        return std::any_of(binds.begin(), binds.end(), [&](const std::string& bind) {
            const auto source = bind.substr(0, bind.find(':'));
            const auto rest = bind.substr(std::min(bind.size(), source.size() + 1));
            const auto destination = rest.substr(0, rest.find(':'));
            const auto& asked = query_.only.values("volume");
            return std::any_of(asked.begin(), asked.end(),
                               [&](const std::string& value) { return value == source || value == destination; });
        });
    }

    const engine& from_;
    const container_list_query& query_;
    pattern_filter names_;
    pattern_filter ids_;
    std::set<int> exit_codes_;
    std::set<std::string, std::less<>> ancestors_;
    bool is_task_ = false;
    bool wants_all_ = false;
};

/// The container that `before` or `since` names; null when the filter is not there.
const container_record* boundary(const engine& from, const filters& only, std::string_view filter) {
    const auto& values = only.values(filter);
    return values.empty() ? nullptr : &from.containers.get(values.front());
}

} // namespace

std::vector<const container_record*> select_containers(const engine& from, const container_list_query& query) {
    const selection selects{from, query};
    const auto* before = boundary(from, query.only, "before");
    const auto* since = boundary(from, query.only, "since");
    std::vector<const container_record*> selected;
    for (const auto* container : from.containers.list()) {
        if (since == container) break;
        if (before) {
            if (before == container) before = nullptr;
            continue;
        }
        if (!selects.includes(*container)) continue;
        selected.push_back(container);
        if (query.limit > 0 && selected.size() == query.limit) break;
    }
    return selected;
}

} // namespace davit::api
