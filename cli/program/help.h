#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace davit::cli {

/// A word that leads to commands: "container" in "container ls".
struct command_group {
    std::string_view name;
    std::string_view summary;
};

const command_group* find_group(std::string_view name);

/// The name of a command within its group: "ls" for ps. Empty for a command without a group.
std::string_view name_in_group(const command_entry& entry);

std::string overview(const flag_set& globals);
std::string help_of(const command_group& group);
std::string help_of(const command_entry& entry, std::string_view as_written, const flag_set& flags);

/// Docker's sentences for what is wrong with a command line.
exit_error unknown_command(std::string_view words);
exit_error unknown_command_of(const command_group& group, std::string_view word);
exit_error wrong_flags(std::string_view complaint, std::string_view as_written, std::string_view usage);
/// Errors: exit_error when `count` words are too few or too many.
void check_words(const command_entry& entry, std::string_view as_written, std::size_t count);

} // namespace davit::cli
