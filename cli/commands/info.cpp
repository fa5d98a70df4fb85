#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/program_version.h"

namespace davit::cli {

namespace {

std::string text_of(const value& of, std::string_view field) {
    const value* found = of.find(field);
    return found ? printable(found->to_text()) : std::string{};
}

std::string joined(const value* list) {
    std::string text;
    if (list && list->as_list())
        for (const value& one : *list->as_list()) text += " " + printable(one.to_text());
    return text;
}

class info_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("format", 'f', format_, "Format output using a custom template: 'json' or 'TEMPLATE'");
    }

    task<int> run(invocation call) override {
        const std::string body = co_await call.api.ask(io::http_method::get, "/info");
        const value facts = value::parse(body, "the engine's facts");
        if (format_ == "json")
            print(facts.to_json() + "\n");
        else if (!format_.empty())
            print(text_template{format_}.render(facts) + "\n");
        else
            print(describe(facts));
        co_return 0;
    }

  private:
    static std::string describe(const value& facts) {
        std::string text = fmt::format("Client:\n Version:    {}\n Debug Mode: false\n\nServer:\n", program_version());
        const auto line = [&](std::string_view title, std::string_view field, int indent = 1) {
            text += fmt::format("{:{}}{}: {}\n", "", indent, title, text_of(facts, field));
        };
        line("Containers", "Containers");
        line("Running", "ContainersRunning", 2);
        line("Paused", "ContainersPaused", 2);
        line("Stopped", "ContainersStopped", 2);
        line("Images", "Images");
        line("Server Version", "ServerVersion");
        line("Storage Driver", "Driver");
        line("Logging Driver", "LoggingDriver");
        line("Cgroup Driver", "CgroupDriver");
        line("Cgroup Version", "CgroupVersion");
        if (const value* plugins = facts.find("Plugins")) {
            text += " Plugins:\n";
            for (const char* kind : {"Volume", "Network", "Log"})
                text += fmt::format("  {}:{}\n", kind, joined(plugins->find(kind)));
        }
        line("Default Runtime", "DefaultRuntime");
        text += fmt::format(" Security Options:{}\n", joined(facts.find("SecurityOptions")));
        line("Kernel Version", "KernelVersion");
        line("Operating System", "OperatingSystem");
        line("OSType", "OSType");
        line("Architecture", "Architecture");
        line("CPUs", "NCPU");
        if (const value* memory = facts.find("MemTotal"); memory && memory->as_integer())
            text += fmt::format(" Total Memory: {:.4g}GiB\n",
                                static_cast<double>(*memory->as_integer()) / (1024.0 * 1024 * 1024));
        line("Name", "Name");
        line("ID", "ID");
        line("Docker Root Dir", "DockerRootDir");
        line("Debug Mode", "Debug");
        line("Live Restore Enabled", "LiveRestoreEnabled");
        if (const value* warnings = facts.find("Warnings"); warnings && warnings->as_list())
            for (const value& warning : *warnings->as_list()) fmt::print(stderr, "{}\n", printable(warning.to_text()));
        return text + "\n";
    }

    std::string format_;
};

} // namespace

std::unique_ptr<command> make_info() {
    return std::make_unique<info_command>();
}

} // namespace davit::cli
