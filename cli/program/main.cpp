#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "cli/command.h"
#include "cli/program_version.h"
#include "io/loop.h"
#include "io/signals.h"

namespace davit::cli {

namespace {

struct global_options {
    engine_address address;
    std::string host;
    bool asks_for_version = false;
    bool asks_for_help = false;
    bool verifies_tls = false;
    bool uses_tls = false;
    bool debugs = false;
    std::string log_level;
};

void declare_globals(flag_set& flags, global_options& into) {
    flags.text("host", 'H', into.host, "Daemon socket to connect to", "string");
    flags.boolean("debug", 'D', into.debugs, "Enable debug mode");
    flags.text("log-level", 'l', into.log_level, "Set the logging level (\"debug\", \"info\", \"warn\", \"error\")");
    flags.boolean("tls", 0, into.uses_tls, "Use TLS; implied by --tlsverify");
    flags.boolean("tlsverify", 0, into.verifies_tls, "Use TLS and verify the remote");
    flags.text("tlscacert", 0, into.address.ca_file, "Trust certs signed only by this CA");
    flags.text("tlscert", 0, into.address.certificate_file, "Path to TLS certificate file");
    flags.text("tlskey", 0, into.address.key_file, "Path to TLS key file");
    flags.boolean("version", 'v', into.asks_for_version, "Print version information and quit");
    flags.boolean("help", 'h', into.asks_for_help, "Print usage");
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

engine_address resolve_address(global_options given) {
    engine_address& where = given.address;
    where.host = given.host;
    for (const char* name : {"DAVIT_HOST", "DOCKER_HOST"})
        if (where.host.empty()) where.host = environment(name);
    if (where.host.empty()) where.host = "unix:///run/davit/davit.sock";
    where.verifies_server = given.verifies_tls || !environment("DOCKER_TLS_VERIFY").empty();
    where.uses_tls = where.host.starts_with("tcp://") && (given.uses_tls || where.verifies_server);
    if (const std::string folder = environment("DOCKER_CERT_PATH"); where.uses_tls && !folder.empty()) {
        if (where.ca_file.empty()) where.ca_file = folder + "/ca.pem";
        if (where.certificate_file.empty()) where.certificate_file = folder + "/cert.pem";
        if (where.key_file.empty()) where.key_file = folder + "/key.pem";
    }
    return where;
}

void print_overview(const flag_set& globals) {
    fmt::print(
        "Usage:  davit [OPTIONS] COMMAND\n\nA container engine for hosts that launch many containers\n\nCommands:\n");
    for (const command_entry& entry : all_commands()) fmt::print("  {:<11} {}\n", entry.name, entry.summary);
    fmt::print("{}\nRun 'davit COMMAND --help' for more information on a command.\n", globals.help());
}

/// Whether `word` names the command within its group: "container ls" is ps, which is also "container ps" and "list".
bool is_grouped_name(const command_entry& entry, const std::string& word) {
    const std::string_view name = entry.grouped.empty() ? entry.name : entry.grouped;
    return word == name || (name == "ls" && (word == "list" || word == entry.name));
}

/// Finds "run", "container run" or "container ls" in the first words, and removes them.
const command_entry* find_command(std::vector<std::string>& words, std::string& as_written) {
    for (const command_entry& entry : all_commands()) {
        const bool is_grouped =
            words.size() > 1 && !entry.group.empty() && words[0] == entry.group && is_grouped_name(entry, words[1]);
        if (!is_grouped && words[0] != entry.name) continue;
        as_written = is_grouped ? words[0] + " " + words[1] : words[0];
        words.erase(words.begin(), words.begin() + (is_grouped ? 2 : 1));
        return &entry;
    }
    return nullptr;
}

void check_words(const command_entry& entry, const std::string& as_written, std::size_t count) {
    if (count >= entry.least_words && count <= entry.most_words) return;
    const bool is_exact = entry.least_words == entry.most_words;
    const std::size_t wanted = count < entry.least_words ? entry.least_words : entry.most_words;
    const char* rule = is_exact                    ? (wanted == 0 ? "accepts no arguments" : "requires")
                       : count < entry.least_words ? "requires at least"
                                                   : "requires at most";
    const std::string amount =
        is_exact && wanted == 0 ? "" : fmt::format(" {} argument{}", wanted, wanted == 1 ? "" : "s");
    throw exit_error(entry.failure_code,
                     "davit: 'davit {0}' {1}{2}\n\nUsage:  davit {0} {3}\n\nRun 'davit {0} --help' "
                     "for more information",
                     as_written, rule, amount, entry.usage);
}

task<int> run_command(command& chosen, engine_address address, std::string as_written, std::vector<std::string> words) {
    const auto api = co_await engine::make(std::move(address));
    co_return co_await chosen.run({std::move(as_written), std::move(words), *api});
}

int run(std::vector<std::string> words) {
    global_options globals;
    flag_set global_flags;
    declare_globals(global_flags, globals);
    words = global_flags.parse(words, false);
    if (globals.asks_for_version) {
        fmt::print("Davit version {}, build {}\n", program_version(), program_commit());
        return 0;
    }
    if (words.empty() || globals.asks_for_help || words[0] == "help") {
        print_overview(global_flags);
        return 0;
    }
    const std::string first = words[0];
    std::string as_written;
    const command_entry* entry = find_command(words, as_written);
    if (!entry)
        throw exit_error(1, "davit: unknown command: davit {}\n\nRun 'davit --help' for more information", first);

    const auto chosen = entry->make();
    flag_set flags;
    bool asks_for_help = false;
    chosen->declare(flags);
    try {
        flag_set with_help = flags;
        with_help.boolean("help", 0, asks_for_help, "Print usage");
        words = with_help.parse(words, entry->is_interspersed);
    } catch (const error& e) {
        throw exit_error(entry->failure_code, "{}\n\nUsage:  davit {} {}\n\nRun 'davit {} --help' for more information",
                         e.text(), as_written, entry->usage, as_written);
    }
    if (asks_for_help) {
        fmt::print("Usage:  davit {} {}\n\n{}\n{}", as_written, entry->usage, entry->summary, flags.help());
        return 0;
    }
    check_words(*entry, as_written, words.size());
    try {
        io::loop loop;
        return loop.run(run_command(*chosen, resolve_address(globals), as_written, std::move(words)));
    } catch (const engine_error& e) {
        const char* prefix = entry->failure_code == 125 ? "davit: " : "";
        throw exit_error(entry->failure_code, "{}Error response from daemon: {}", prefix, e.text());
    } catch (const exit_error&) {
        throw;
    } catch (const error& e) {
        throw exit_error(entry->failure_code, "{}{}", entry->failure_code == 125 ? "davit: " : "", e.text());
    }
}

} // namespace

} // namespace davit::cli

int main(int count, char** words) {
    davit::io::ignore_broken_pipes();
    int code = 0;
    try {
        code = davit::cli::run({words + 1, words + count});
    } catch (const davit::cli::exit_error& e) {
        if (!e.text().empty()) fmt::print(stderr, "{}\n", e.text());
        code = e.code();
    } catch (const std::exception& e) {
        fmt::print(stderr, "davit: {}\n", e.what());
        code = 1;
    }
    return std::fflush(stdout) == 0 ? code : 1;
}
