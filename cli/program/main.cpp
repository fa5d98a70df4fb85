#include <algorithm>
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/output.h"
#include "cli/program/help.h"
#include "cli/program_version.h"
#include "io/loop.h"
#include "io/signals.h"

namespace davit::cli {

namespace {

struct global_options {
    endpoint_flags endpoint;
    std::string configuration_folder;
    bool asks_for_version = false;
    bool asks_for_help = false;
    bool debugs = false;
    std::string log_level;
};

void declare_globals(flag_set& flags, global_options& into) {
    flags.text("config", 0, into.configuration_folder, "Location of client config files (default \"~/.docker\")");
    flags.text("context", 'c', into.endpoint.context,
               "Name of the context to use to connect to the daemon (overrides DOCKER_HOST)");
    flags.list("host", 'H', into.endpoint.hosts, "Daemon socket to connect to");
    flags.boolean("debug", 'D', into.debugs, "Enable debug mode");
    flags.text("log-level", 'l', into.log_level, "Set the logging level (\"debug\", \"info\", \"warn\", \"error\")");
    flags.boolean("tls", 0, into.endpoint.uses_tls, "Use TLS; implied by --tlsverify");
    flags.optional_boolean("tlsverify", into.endpoint.verifies_tls, "Use TLS and verify the remote");
    flags.text("tlscacert", 0, into.endpoint.ca_file, "Trust certs signed only by this CA");
    flags.text("tlscert", 0, into.endpoint.certificate_file, "Path to TLS certificate file");
    flags.text("tlskey", 0, into.endpoint.key_file, "Path to TLS key file");
    flags.boolean("version", 'v', into.asks_for_version, "Print version information and quit");
    flags.boolean("help", 'h', into.asks_for_help, "Print usage");
}

/// Whether `word` names the command within its group: "container ls" is ps, which is also "container ps" and "list".
bool is_grouped_name(const command_entry& entry, const std::string& word) {
    const std::string_view name = name_in_group(entry);
    return word == name || (name == "ls" && (word == "list" || word == entry.name)) ||
           (name == "rm" && word == "remove");
}

/// Finds "run", "container run" or "container ls" in the first words, and removes them.
const command_entry* find_command(std::vector<std::string>& words, std::string& as_written) {
    for (const command_entry& entry : all_commands()) {
        const bool is_grouped =
            words.size() > 1 && !entry.group.empty() && words[0] == entry.group && is_grouped_name(entry, words[1]);
        if (!is_grouped && words[0] != entry.name) continue;
        as_written = is_grouped ? fmt::format("{} {}", words[0], name_in_group(entry)) : words[0];
        words.erase(words.begin(), words.begin() + (is_grouped ? 2 : 1));
        return &entry;
    }
    return nullptr;
}

/// Help that was not asked for is told as a mistake is.
int show_help(const std::string& text, bool is_asked_for) {
    if (is_asked_for)
        print(text);
    else
        print_error(text.substr(0, text.size() - 1));
    return 0;
}

/// A group's name with no command of the group after it.
int run_group(const command_group& group, const std::vector<std::string>& words) {
    if (words.size() > 1 && words[1] != "--help" && words[1] != "-h") {
        if (!words[1].starts_with('-')) throw unknown_command_of(group, words[1]);
        throw wrong_flags(fmt::format("unknown flag: {}", words[1]), group.name, "");
    }
    return show_help(help_of(group), words.size() > 1);
}

/// Errors: exit_error for flags that the engine is too old for, as docker's.
task<void> check_flags(engine& api, std::map<std::string, std::string_view> given_since) {
    if (given_since.empty()) co_return;
    co_await api.find_version();
    std::string refused;
    for (const auto& [name, version] : given_since)
        if (is_older_version(api.api_version(), version))
            refused += fmt::format("{}\"--{}\" requires API version {}, but the Davit daemon API version is {}",
                                   refused.empty() ? "" : "\n", name, version, api.api_version());
    if (!refused.empty()) throw exit_error(1, "{}", refused);
}

task<int> run_command(command& chosen, global_options globals, std::string as_written, std::vector<std::string> words,
                      std::map<std::string, std::string_view> given_since) {
    const auto settings = co_await read_client_configuration(globals.configuration_folder);
    const auto api = co_await engine::make(co_await find_endpoint(globals.endpoint, settings));
    co_await check_flags(*api, std::move(given_since));
    co_return co_await chosen.run({std::move(as_written), std::move(words), *api, settings});
}

int run_found(const command_entry& entry, const std::string& as_written, std::vector<std::string> words,
              const global_options& globals) {
    const auto chosen = entry.make();
    flag_set flags;
    bool asks_for_help = false;
    chosen->declare(flags);
    flag_set with_help = flags;
    try {
        with_help.boolean("help", 'h', asks_for_help, "Print usage"); // -h is a host name where a command says so
        words = with_help.parse(words, entry.is_interspersed);
    } catch (const error& e) {
        throw wrong_flags(e.text(), as_written, entry.usage);
    }
    if (asks_for_help) return show_help(help_of(entry, as_written, flags), true);
    check_words(entry, as_written, words.size());
    io::loop loop;
    return loop.run(run_command(*chosen, globals, as_written, std::move(words), with_help.given_since()));
}

int run(std::vector<std::string> words) {
    global_options globals;
    flag_set global_flags;
    declare_globals(global_flags, globals);
    try {
        words = global_flags.parse(words, false);
    } catch (const error& e) {
        throw wrong_flags(e.text(), "", "[OPTIONS] COMMAND [ARG...]");
    }
    if (globals.asks_for_version) {
        print(fmt::format("Davit version {}, build {}\n", program_version(), program_commit()));
        return 0;
    }
    constexpr std::array levels = {"", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"};
    if (std::find(levels.begin(), levels.end(), globals.log_level) == levels.end())
        throw exit_error(1, "Unable to parse logging level: {}", globals.log_level);
    bool asks_for_help = globals.asks_for_help;
    const bool is_topic = !words.empty() && words[0] == "help";
    if (is_topic) {
        asks_for_help = true;
        words.erase(words.begin());
    }
    if (words.empty()) return show_help(overview(global_flags), asks_for_help);
    if (asks_for_help) words.emplace_back("--help");
    const std::string first = words[0];
    std::string as_written;
    if (const command_entry* entry = find_command(words, as_written))
        return run_found(*entry, as_written, asks_for_help ? std::vector<std::string>{"--help"} : words, globals);
    if (const command_group* group = find_group(first)) return run_group(*group, words);
    if (is_topic) throw exit_error(1, "unknown help topic: {}", first);
    throw unknown_command(first);
}

} // namespace

} // namespace davit::cli

/// What is opened later must not become a standard stream that this program was started without.
static void open_missing_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR); // the lowest that is free: this one
}

int main(int count, char** words) {
    open_missing_streams();
    davit::io::ignore_broken_pipes();
    int code = 0;
    try {
        code = davit::cli::run({words + 1, words + count});
    } catch (const davit::cli::exit_error& e) {
        if (!e.text().empty()) davit::cli::print_error(e.text());
        code = e.code();
    } catch (const std::exception& e) {
        davit::cli::print_error(e.what());
        code = 1;
    }
    return std::fflush(stdout) == 0 ? code : 1;
}
