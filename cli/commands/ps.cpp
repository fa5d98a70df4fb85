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
        flags.number("last", 'n', last_, "Show n last created containers (includes all states) (default -1)");
        flags.boolean("latest", 'l', shows_latest_,
                      "Show the latest created container (includes all states) (default -1)");
        flags.boolean("no-trunc", 0, is_whole_, "Don't truncate output");
        flags.boolean("quiet", 'q', is_quiet_, "Only display container IDs");
        flags.boolean("size", 's', shows_size_, "Display total file sizes");
    }

    task<int> run(invocation call) override {
        std::vector<listing::column> columns = {{"ID", "CONTAINER ID"},    {"Image", "IMAGE"},   {"Command", "COMMAND"},
                                                {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Ports", "PORTS"},
                                                {"Names", "NAMES"}};
        if (shows_size_) columns.push_back({"Size", "SIZE"});
        if (is_quiet_ && !format_.empty())
            print_error("WARNING: Ignoring custom format, because both --format and --quiet are set.");
        if (format_.empty() && !is_quiet_) format_ = call.settings.ps_format;
        if (format_ == "raw") format_ = raw_shape();
        listing list{is_quiet_ ? std::string{} : format_,
                     std::move(columns),
                     {{"CreatedAt", "CREATED AT"},
                      {"Size", "SIZE"},
                      {"State", "STATE"},
                      {"Labels", "LABELS"},
                      {"Networks", "NETWORKS"},
                      {"Mounts", "MOUNTS"},
                      {"LocalVolumes", "LOCAL VOLUMES"},
                      {"Platform", "PLATFORM"}},
                     "failed to parse template",
                     "*formatter.ContainerContext"};
        list.try_on(row({}), "failed to execute template");
        const std::string body = co_await call.api.ask(io::http_method::get, path(list.shows("Size")));
        const auto found = io::parse<std::vector<api::container_summary>>(body, "the engine's list");
        if (is_quiet_) {
            std::string ids;
            for (const auto& one : found) ids += shown_id(one) + "\n";
            print(ids);
            co_return 0;
        }
        for (const auto& one : found) list.add(row(one), one.labels);
        print(list.text());
        co_return 0;
    }

  private:
    /// "raw": a line for each field, its value after one blank where there is one.
    std::string raw_shape() const {
        std::string shape =
            "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"
            "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"
            "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";
        if (shows_size_) shape += "size: {{.Size}}\n";
        return shape + R"({{""}})"; // keeps the line end before it
    }

    std::string path(bool template_shows_size) const {
        std::string made = fmt::format("/containers/json?all={:d}", shows_all_);
        const std::int64_t last = shows_latest_ && last_.value_or(-1) == -1 ? 1 : last_.value_or(0);
        if (last > 0) made += fmt::format("&limit={}", last);
        if (shows_size_ || template_shows_size) made += "&size=1";
        if (const std::string filters = filters_parameter(filters_); !filters.empty()) made += "&" + filters;
        return made;
    }

    std::string shown_id(const api::container_summary& of) const { return is_whole_ ? of.id : of.id.substr(0, 12); }

    /// In quotes; cut to 20 characters, the last of which then is an ellipsis.
    std::string shown_command(const std::string& command) const {
        std::string shown = command;
        if (!is_whole_) shown = with_ellipsis(std::move(shown), 20);
        return value{printable(shown)}.to_json();
    }

    /// What the container wrote, and with its image below it where that is known.
    static std::string shown_size(const api::container_summary& of) {
        const std::string own = api::human_size(static_cast<double>(of.size_rw.value_or(0)), 3);
        const std::int64_t whole = of.size_root_fs.value_or(0);
        return whole > 0 ? fmt::format("{} (virtual {})", own, api::human_size(static_cast<double>(whole), 3)) : own;
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
        shown.set("Platform", value{});
        shown.set("Ports", shown_ports(of.ports));
        shown.set("RunningFor", api::human_duration(age) + " ago");
        shown.set("Size", shown_size(of));
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
