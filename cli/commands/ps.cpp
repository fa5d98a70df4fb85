#include <chrono>

#include "api/types/container_summary.h"
#include "api/types/human_units.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/filters.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class ps_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("all", 'a', shows_all_, "Show all containers (default shows just running)");
        declare_filters(flags, filters_);
        flags.text("format", 0, format_,
                   "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or 'TEMPLATE'");
        flags.number("last", 'n', last_, "Show n last created containers (includes all states)");
        flags.boolean("latest", 'l', shows_latest_, "Show the latest created container (includes all states)");
        flags.boolean("no-trunc", 0, is_whole_, "Don't truncate output");
        flags.boolean("quiet", 'q', is_quiet_, "Only display container IDs");
        flags.boolean("size", 's', shows_size_, "Display total file sizes");
    }

    task<int> run(invocation call) override {
        std::string path = fmt::format("/containers/json?all={:d}", shows_all_);
        if (shows_latest_) last_ = 1;
        if (last_ && *last_ > 0) path += fmt::format("&limit={}", *last_);
        if (shows_size_) path += "&size=1";
        if (const std::string filters = filters_parameter(filters_); !filters.empty()) path += "&" + filters;
        const std::string body = co_await call.api.ask(io::http_method::get, path);
        const auto found = io::parse<std::vector<api::container_summary>>(body, "the engine's list");
        if (is_quiet_ && format_.empty()) {
            for (const auto& one : found) print(shown_id(one) + "\n");
            co_return 0;
        }
        std::vector<listing::column> columns = {{"ID", "CONTAINER ID"},    {"Image", "IMAGE"},   {"Command", "COMMAND"},
                                                {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Ports", "PORTS"},
                                                {"Names", "NAMES"}};
        if (shows_size_) columns.push_back({"Size", "SIZE"});
        listing list{format_,
                     std::move(columns),
                     {{"CreatedAt", "CREATED AT"},
                      {"Size", "SIZE"},
                      {"State", "STATE"},
                      {"Labels", "LABELS"},
                      {"Networks", "NETWORKS"},
                      {"Mounts", "MOUNTS"},
                      {"LocalVolumes", "LOCAL VOLUMES"}}};
        for (const auto& one : found) list.add(row(one));
        print(list.text());
        co_return 0;
    }

  private:
    std::string shown_id(const api::container_summary& of) const { return is_whole_ ? of.id : of.id.substr(0, 12); }

    /// In quotes; cut to 20 characters, the last of which then is an ellipsis.
    std::string shown_command(const std::string& command) const {
        std::string shown = command;
        if (!is_whole_ && shown.size() > 20) shown = shown.substr(0, 19) + "…";
        return value{printable(shown)}.to_json();
    }

    static std::string shown_ports(const std::vector<api::port_summary>& ports) {
        std::string shown;
        for (const auto& port : ports) {
            if (!shown.empty()) shown += ", ";
            if (port.public_port != 0) shown += fmt::format("{}:{}->", port.ip, port.public_port);
            shown += fmt::format("{}/{}", port.private_port, port.type);
        }
        return shown;
    }

    value row(const api::container_summary& of) const {
        const auto created = std::chrono::system_clock::from_time_t(of.created);
        const auto age = std::chrono::system_clock::now() - created;
        std::string names, labels, networks;
        for (const std::string& name : of.names) names += (names.empty() ? "" : ",") + name.substr(1);
        for (const auto& [key, label] : of.labels)
            labels += fmt::format("{}{}={}", labels.empty() ? "" : ",", key, label);
        for (const auto& [name, settings] : of.network.networks) networks += (networks.empty() ? "" : ",") + name;
        value shown;
        shown.set("Command", shown_command(of.command));
        shown.set("CreatedAt", local_time(of.created));
        shown.set("ID", shown_id(of));
        shown.set("Image", of.image);
        shown.set("Labels", labels);
        shown.set("LocalVolumes", "0");
        shown.set("Mounts", "");
        shown.set("Names", names);
        shown.set("Networks", networks);
        shown.set("Ports", shown_ports(of.ports));
        shown.set("RunningFor", api::human_duration(age) + " ago");
        shown.set("Size", of.size_rw ? api::human_size(static_cast<double>(*of.size_rw)) : std::string{"0B"});
        shown.set("State", of.state);
        shown.set("Status", of.status);
        return shown;
    }

    bool shows_all_ = false, shows_latest_ = false, is_whole_ = false, is_quiet_ = false, shows_size_ = false;
    std::vector<std::string> filters_;
    std::string format_;
    std::optional<std::int64_t> last_;
};

} // namespace

std::unique_ptr<command> make_ps() {
    return std::make_unique<ps_command>();
}

} // namespace davit::cli
