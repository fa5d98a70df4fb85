#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/option_values.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class inspect_command final : public command {
  public:
    /// `type`: of objects of that type only; empty for any.
    explicit inspect_command(std::string_view type) : is_of_any_type_{type.empty()}, type_{type} {}

    void declare(flag_set& flags) override {
        format_.declare(flags, 'f');
        if (is_of_any_type_ || type_ == "container")
            flags.boolean("size", 's', shows_size_, "Display total file sizes if the type is container");
        if (type_ == "image") {
            flags.text("platform", 0, platform_,
                       "Inspect a specific platform of the multi-platform image. If the image or the server is not "
                       "multi-platform capable, the command will error out if the platform does not match. "
                       "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)");
            flags.since("platform", "1.49");
        }
        if (is_of_any_type_) flags.text("type", 0, type_, "Only inspect objects of the given type");
    }

    task<int> run(invocation call) override {
        if (!type_.empty() && std::none_of(kinds.begin(), kinds.end(), [&](const kind& k) { return k.name == type_; }))
            throw exit_error(1,
                             "unknown type: \"{}\": must be one of \"config\", \"container\", \"image\", \"network\", "
                             "\"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
                             type_);
        format_.prepare();
        if (!platform_.empty()) query_ = "?platform=" + encoded_platform(platform_);
        value::list found;
        std::vector<std::string> failures;
        for (const std::string& name : call.words) {
            try {
                found.push_back(co_await find(call.api, name));
            } catch (const error& e) {
                failures.push_back(e.text());
            }
        }
        if (format_.is_given() && !format_.is_template()) {
            print(value{std::move(found)}.to_json() + "\n");
        } else if (!format_.is_given()) {
            print(value{std::move(found)}.to_pretty_json() + "\n");
        } else if (found.empty()) {
            print("\n");
        } else {
            print_with_format(found);
        }
        if (!failures.empty()) throw exit_error(1, "{}", fmt::join(failures, "\n"));
        co_return 0;
    }

  private:
    void print_with_format(const value::list& found) const {
        template_object typed;
        typed.null_text = [](const std::string& member) {
            const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
                return std::find(names.begin(), names.end(), member) != names.end();
            };
            if (is_one_of({"MemorySwappiness", "OomKillDisable", "PidsLimit", "Init", "IPAMConfig", "Health",
                           "Healthcheck", "SizeRw", "SizeRootFs", "StopTimeout"}))
                return "<nil>";
            if (is_one_of({"Labels", "Volumes", "Options", "Sysctls", "Tmpfs", "DriverOpts"})) return "map[]";
            return "[]";
        };
        typed.find = absent_member;
        std::string text;
        try {
            for (const value& object : found) text += format_.shown(object, typed);
        } catch (const error&) {
            print(text + "\n");
            throw;
        }
        print(text);
    }

    /// Docker leaves members out of its answers that say nothing, and still knows them in templates.
    static std::optional<value> absent_member(const std::string& name) {
        for (const char* nothing : {"Health", "Healthcheck", "SizeRw", "SizeRootFs", "StopTimeout", "Annotations"})
            if (name == nothing) return value{};
        for (const char* map : {"ExposedPorts", "Sysctls", "Tmpfs", "StorageOpt"})
            if (name == map) return value{value::object{}};
        for (const char* list : {"Shell", "Mounts"})
            if (name == list) return value{value::list{}};
        for (const char* text : {"StopSignal", "MacAddress"})
            if (name == text) return value{""};
        if (name == "NetworkDisabled" || name == "ArgsEscaped") return value{false};
        return std::nullopt;
    }

    struct kind {
        std::string_view name;
        std::string_view before; ///< The path up to the name
        std::string_view after;
        bool is_searched; ///< Also without --type; swarm's objects are not, where there is no swarm
    };
    /// In the order in which a name is looked for.
    static constexpr std::array kinds = {
        kind{"container", "/containers/", "/json", true},
        kind{"image", "/images/", "/json", true},
        kind{"network", "/networks/", "", true},
        kind{"volume", "/volumes/", "", true},
        kind{"plugin", "/plugins/", "/json", true},
        kind{"service", "/services/", "", false},
        kind{"task", "/tasks/", "", false},
        kind{"node", "/nodes/", "", false},
        kind{"secret", "/secrets/", "", false},
        kind{"config", "/configs/", "", false},
    };

    /// Errors: not_found when there is nothing of that name.
    task<value> find(engine& api, std::string name) const {
        for (const kind& tried : kinds) {
            if (type_.empty() ? !tried.is_searched : type_ != tried.name) continue;
            std::string path =
                fmt::format("{}{}{}", tried.before, io::percent_encode(name, "/:@"), tried.after) + query_;
            if (tried.name == "container") path = fmt::format("{}/json?size={:d}", container_path(name), shows_size_);
            try {
                const std::string body = co_await api.ask(io::http_method::get, std::move(path));
                if (shows_size_ && tried.name != "container")
                    print_error(fmt::format("WARNING: --size ignored for {}", tried.name));
                co_return value::parse(body, "the engine's answer");
            } catch (const engine_error& e) {
                if (e.status() != 404 || !type_.empty()) throw;
            }
        }
        throw error(errc::not_found, "Error: No such object: {}", name);
    }

    object_format format_;
    std::string platform_; ///< Of images alone
    std::string query_;
    bool is_of_any_type_;
    std::string type_;
    bool shows_size_ = false;
};

} // namespace

std::unique_ptr<command> make_inspect() {
    return std::make_unique<inspect_command>("");
}

std::unique_ptr<command> make_container_inspect() {
    return std::make_unique<inspect_command>("container");
}

std::unique_ptr<command> make_image_inspect() {
    return std::make_unique<inspect_command>("image");
}

} // namespace davit::cli
