#include <cctype>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/option_values.h"
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
    void declare(flag_set& flags) override { format_.declare(flags, 'f'); }

    task<int> run(invocation call) override {
        format_.prepare();
        value facts;
        std::string failure;
        try {
            const std::string body = co_await call.api.ask(io::http_method::get, "/info");
            facts = value::parse(body, "the engine's facts");
        } catch (const error& e) {
            failure = e.text();
        }
        if (format_.is_given()) {
            if (!failure.empty()) throw exit_error(1, "{}", failure);
            print(format_.shown(with_client(std::move(facts), call.api.context())));
            co_return 0;
        }
        std::string text = fmt::format("Client:\n Version:    {}\n Context:    {}\n Debug Mode: false\n\nServer:\n",
                                       program_version(), printable(call.api.context()));
        if (failure.empty()) text += describe(facts) + "\n";
        print(text);
        if (!failure.empty()) throw exit_error(1, "{}", failure);
        if (const value* warnings = facts.find("Warnings"); warnings && warnings->as_list())
            for (const value& warning : *warnings->as_list()) print_error(printable(warning.to_text()));
        co_return 0;
    }

  private:
    static value with_client(value facts, const std::string& context) {
        value client;
        client.set("Debug", false);
        client.set("Version", std::string{program_version()});
        client.set("GitCommit", std::string{program_commit()});
        client.set("Os", "linux");
        client.set("Arch", std::string{program_architecture()});
        client.set("Context", context);
        facts.set("ClientInfo", std::move(client));
        return facts;
    }

    static std::string describe(const value& facts) {
        std::string text;
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
        text += described_pairs(facts.find("DriverStatus"), "  ");
        line("Logging Driver", "LoggingDriver");
        line("Cgroup Driver", "CgroupDriver");
        line("Cgroup Version", "CgroupVersion");
        if (const value* plugins = facts.find("Plugins")) {
            text += " Plugins:\n";
            for (const char* kind : {"Volume", "Network", "Log"})
                text += fmt::format("  {}:{}\n", kind, joined(plugins->find(kind)));
        }
        if (const value* swarm = facts.find("Swarm"))
            text += fmt::format(" Swarm: {}\n", text_of(*swarm, "LocalNodeState"));
        if (const value* runtimes = facts.find("Runtimes"); runtimes && runtimes->as_object()) {
            text += " Runtimes:";
            for (const auto& [name, runtime] : *runtimes->as_object()) text += " " + printable(name);
            text += "\n";
        }
        line("Default Runtime", "DefaultRuntime");
        line("Init Binary", "InitBinary");
        for (const auto& [title, field] :
             {std::pair{"containerd version", "ContainerdCommit"}, std::pair{"runc version", "RuncCommit"},
              std::pair{"init version", "InitCommit"}})
            if (const value* commit = facts.find(field))
                text += fmt::format(" {}: {}\n", title, text_of(*commit, "ID"));
        text += described_security(facts.find("SecurityOptions"));
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
        line("Experimental", "ExperimentalBuild");
        if (const value* registries = facts.find("RegistryConfig"))
            if (const value* networks = registries->find("InsecureRegistryCIDRs"); networks && networks->as_list()) {
                text += " Insecure Registries:\n";
                for (const value& network : *networks->as_list()) text += "  " + printable(network.to_text()) + "\n";
            }
        line("Live Restore Enabled", "LiveRestoreEnabled");
        return text;
    }

    /// [["name", "text"], …], a line each.
    static std::string described_pairs(const value* pairs, std::string_view indent) {
        std::string text;
        if (pairs && pairs->as_list())
            for (const value& pair : *pairs->as_list())
                if (const auto* parts = pair.as_list(); parts && parts->size() == 2)
                    text += fmt::format("{}{}: {}\n", indent, printable((*parts)[0].to_text()),
                                        printable((*parts)[1].to_text()));
        return text;
    }

    /// "name=seccomp,profile=builtin" is shown as a name and its settings below it.
    static std::string described_security(const value* options) {
        if (!options || !options->as_list() || options->as_list()->empty()) return "";
        std::string text = " Security Options:\n";
        for (const value& option : *options->as_list()) {
            const std::string all = printable(option.to_text()) + ",";
            for (std::size_t begin = 0, end; (end = all.find(',', begin)) != std::string::npos; begin = end + 1) {
                const auto [name, setting] = split_pair(all.substr(begin, end - begin));
                if (name == "name")
                    text += fmt::format("  {}\n", setting);
                else
                    text += fmt::format("   {}{}: {}\n", static_cast<char>(std::toupper(name.empty() ? ' ' : name[0])),
                                        name.empty() ? name : name.substr(1), setting);
            }
        }
        return text;
    }

    object_format format_;
};

} // namespace

std::unique_ptr<command> make_info() {
    return std::make_unique<info_command>();
}

} // namespace davit::cli
