#include "cli/program/help.h"

#include <algorithm>
#include <array>

namespace davit::cli {

namespace {

constexpr std::array groups = {
    command_group{"container", "Manage containers"},
    command_group{"image", "Manage images"},
    command_group{"system", "Manage Davit"},
};

std::string line_of(std::string_view name, std::string_view summary) {
    return fmt::format("  {:<11} {}\n", name, summary);
}

} // namespace

const command_group* find_group(std::string_view name) {
    const auto at = std::find_if(groups.begin(), groups.end(), [&](const command_group& g) { return g.name == name; });
    return at == groups.end() ? nullptr : &*at;
}

std::string_view name_in_group(const command_entry& entry) {
    if (entry.group.empty()) return {};
    return entry.grouped.empty() ? entry.name : entry.grouped;
}

namespace {

std::string other_names_in_group(const command_entry& entry) {
    const std::string_view name = name_in_group(entry);
    std::string others;
    if (name == "ls") others += fmt::format(", davit {} list", entry.group);
    if (name == "rm") others += fmt::format(", davit {} remove", entry.group);
    if (entry.name == "ps") others += fmt::format(", davit {} ps", entry.group);
    return others;
}

} // namespace

std::string overview(const flag_set& globals) {
    std::string text = "Usage:  davit [OPTIONS] COMMAND\n\nA container engine for hosts that launch many containers\n\n"
                       "Management Commands:\n";
    for (const command_group& group : groups) text += line_of(group.name, group.summary);
    text += "\nCommands:\n";
    for (const command_entry& entry : all_commands())
        if (!entry.name.empty()) text += line_of(entry.name, entry.summary);
    return text + globals.help("Global Options") + "\nRun 'davit COMMAND --help' for more information on a command.\n";
}

std::string help_of(const command_group& group) {
    std::string text = fmt::format("Usage:  davit {} COMMAND\n\n{}\n\nCommands:\n", group.name, group.summary);
    std::vector<std::string> lines;
    for (const command_entry& entry : all_commands())
        if (entry.group == group.name) lines.push_back(line_of(name_in_group(entry), entry.summary));
    std::sort(lines.begin(), lines.end());
    for (const std::string& line : lines) text += line;
    return text + fmt::format("\nRun 'davit {} COMMAND --help' for more information on a command.\n", group.name);
}

std::string help_of(const command_entry& entry, std::string_view as_written, const flag_set& flags) {
    std::string text = fmt::format("Usage:  davit {} {}\n\n{}\n", as_written, entry.usage, entry.summary);
    if (!entry.name.empty() && !entry.group.empty())
        text += fmt::format("\nAliases:\n  davit {0} {1}{2}, davit {3}\n", entry.group, name_in_group(entry),
                            other_names_in_group(entry), entry.name);
    return text + flags.help("Options");
}

exit_error unknown_command(std::string_view words) {
    return {1, "davit: unknown command: davit {}\n\nRun 'davit --help' for more information", words};
}

exit_error unknown_command_of(const command_group& group, std::string_view word) {
    return {1,
            "davit: unknown command: davit {0} {1}\n\nUsage:  davit {0}\n\nRun 'davit {0} --help' for more information",
            group.name, word};
}

exit_error wrong_flags(std::string_view complaint, std::string_view as_written, std::string_view usage) {
    const std::string program = as_written.empty() ? "davit" : fmt::format("davit {}", as_written);
    const std::string_view blank = usage.empty() ? "" : " ";
    return {125, "{0}\n\nUsage:  {1}{3}{2}\n\nRun '{1} --help' for more information", complaint, program, usage, blank};
}

void check_words(const command_entry& entry, std::string_view as_written, std::size_t count) {
    if (count >= entry.least_words && count <= entry.most_words) return;
    const bool is_exact = entry.least_words == entry.most_words;
    const bool has_too_few = count < entry.least_words;
    const std::size_t wanted = has_too_few ? entry.least_words : entry.most_words;
    const std::string amount = fmt::format("{} argument{}", wanted, wanted == 1 ? "" : "s");
    const std::string rule = is_exact && wanted == 0 ? "accepts no arguments"
                             : is_exact              ? "requires " + amount
                             : has_too_few           ? "requires at least " + amount
                                                     : "requires at most " + amount;
    throw exit_error(1,
                     "davit: 'davit {0}' {1}\n\nUsage:  davit {0} {2}\n\n{3} 'davit {0} --help' for more information",
                     as_written, rule, entry.usage, has_too_few && !is_exact ? "See" : "Run");
}

} // namespace davit::cli
