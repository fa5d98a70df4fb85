#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/program_version.h"

namespace davit::cli {

namespace {

class version_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("format", 'f', format_, "Format output using a custom template: 'json' or 'TEMPLATE'");
    }

    task<int> run(invocation call) override {
        value both;
        value client;
        client.set("Version", std::string{program_version()});
        client.set("ApiVersion", std::string{engine::api_version});
        client.set("GitCommit", std::string{program_commit()});
        client.set("Os", "linux");
        both.set("Client", client);
        std::string failure;
        try {
            const std::string body = co_await call.api.ask(io::http_method::get, "/version");
            both.set("Server", value::parse(body, "the engine's version"));
        } catch (const error& e) {
            failure = e.text();
        }
        if (format_ == "json")
            print(both.to_json() + "\n");
        else if (!format_.empty())
            print(text_template{format_}.render(both) + "\n");
        else
            print(describe(both));
        if (!failure.empty()) throw exit_error(1, "{}", failure);
        co_return 0;
    }

  private:
    static std::string line(const value& of, std::string_view title, std::string_view field, int indent) {
        const value* found = of.find(field);
        return fmt::format("{:{}}{:<18}{}\n", "", indent, title, found ? printable(found->to_text()) : std::string{});
    }

    static std::string describe(const value& both) {
        const value& client = *both.find("Client");
        std::string text = "Client:\n" + line(client, "Version:", "Version", 1) +
                           line(client, "API version:", "ApiVersion", 1) + line(client, "Git commit:", "GitCommit", 1);
        const value* server = both.find("Server");
        if (!server) return text;
        const value* platform = server->find("Platform");
        const value* name = platform ? platform->find("Name") : nullptr;
        text += fmt::format("\nServer: {}\n Engine:\n", name ? printable(name->to_text()) : std::string{});
        text += line(*server, "Version:", "Version", 2);
        const value* api = server->find("ApiVersion");
        const value* least = server->find("MinAPIVersion");
        text += fmt::format("  {:<18}{} (minimum version {})\n", "API version:", api ? api->to_text() : std::string{},
                            least ? least->to_text() : std::string{});
        text += line(*server, "Git commit:", "GitCommit", 2) + line(*server, "Kernel:", "KernelVersion", 2) +
                line(*server, "OS:", "Os", 2) + line(*server, "Architecture:", "Arch", 2);
        return text;
    }

    std::string format_;
};

} // namespace

std::unique_ptr<command> make_version() {
    return std::make_unique<version_command>();
}

} // namespace davit::cli
