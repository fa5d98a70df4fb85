#include <ctime>

#include "api/types/version.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/program_version.h"
#include "core/rfc3339.h"

namespace davit::cli {

namespace {

class version_command final : public command {
  public:
    void declare(flag_set& flags) override { format_.declare(flags, 'f'); }

    task<int> run(invocation call) override {
        format_.prepare();
        value asked;
        std::string failure, server;
        try {
            const std::string body = co_await call.api.ask(io::http_method::get, "/version");
            asked = value::parse(body, "the engine's version");
            server = describe_server(io::parse<api::version_response>(body, "the engine's version"));
        } catch (const error& e) {
            failure = e.text();
        }
        value both;
        value client;
        client.set("Version", std::string{program_version()});
        client.set("ApiVersion", std::string{call.api.api_version()});
        client.set("DefaultAPIVersion", std::string{engine::default_api_version});
        client.set("GitCommit", std::string{program_commit()});
        client.set("Os", "linux");
        client.set("Arch", std::string{program_architecture()});
        client.set("Context", call.api.context());
        both.set("Client", std::move(client));
        both.set("Server", std::move(asked));
        print(format_.is_given() ? format_.shown(both, optional_members()) : describe_client(call.api) + server);
        if (!failure.empty()) throw exit_error(1, "{}", failure);
        co_return 0;
    }

  private:
    /// What the engine leaves out of its answer when it says nothing.
    static template_object optional_members() {
        template_object made;
        made.find = [](const std::string& name) -> std::optional<value> {
            return name == "Experimental" ? std::optional{value{false}} : std::nullopt;
        };
        return made;
    }

    /// All values begin in one column, whatever the indentation.
    static std::string line(int indent, std::string_view title, std::string_view text) {
        return fmt::format("{:{}}{:<{}}{}\n", "", indent, title, 20 - indent, printable(text));
    }

    static std::string described(const std::string& api_version) {
        if (api_version == engine::default_api_version) return api_version;
        return fmt::format("{} (downgraded from {})", api_version, engine::default_api_version);
    }

    static std::string describe_client(const engine& api) {
        return "Client:\n" + line(1, "Version:", program_version()) +
               line(1, "API version:", described(api.api_version())) + line(1, "Git commit:", program_commit()) +
               line(1, "OS/Arch:", fmt::format("linux/{}", program_architecture())) +
               line(1, "Context:", api.context());
    }

    static std::string describe_server(const api::version_response& server) {
        std::string text = "\nServer:";
        if (!server.platform.name.empty()) text += " " + printable(server.platform.name);
        text += "\n";
        for (const api::version_component& component : server.components) {
            text += fmt::format(" {}:\n", printable(component.name)) + line(2, "Version:", component.version);
            if (component.name == "Engine") {
                text += describe_engine(component.details);
                continue;
            }
            for (const auto& [name, detail] : component.details) text += line(2, name + ":", detail);
        }
        return text;
    }

    static std::string describe_engine(const string_map& details) {
        const auto of = [&](const char* name) {
            const auto at = details.find(name);
            return at == details.end() ? std::string{} : at->second;
        };
        return line(2, "API version:", fmt::format("{} (minimum version {})", of("ApiVersion"), of("MinAPIVersion"))) +
               line(2, "Go version:", of("GoVersion")) + line(2, "Git commit:", of("GitCommit")) +
               line(2, "Built:", date(of("BuildTime"))) +
               line(2, "OS/Arch:", fmt::format("{}/{}", of("Os"), of("Arch"))) +
               line(2, "Experimental:", of("Experimental"));
    }

    /// As asctime(3) writes it; what is no RFC 3339 stays as it is.
    static std::string date(const std::string& text) {
        const auto moment = parse_rfc3339(text);
        if (!moment) return text;
        const std::time_t seconds = std::chrono::system_clock::to_time_t(*moment);
        std::tm parts{};
        char shown[64] = "";
        std::strftime(shown, sizeof shown, "%a %b %e %H:%M:%S %Y", ::gmtime_r(&seconds, &parts));
        return shown;
    }

    object_format format_;
};

} // namespace

std::unique_ptr<command> make_version() {
    return std::make_unique<version_command>();
}

} // namespace davit::cli
