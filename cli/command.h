#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client_configuration.h"
#include "cli/engine.h"
#include "cli/flags.h"
#include "core/task.h"

namespace davit::cli {

/// Ends the program with a message on standard error and an exit code.
class exit_error : public error {
  public:
    template <class... Args> exit_error(int code, fmt::format_string<Args...> text, Args&&... args)
        : error{errc::invalid, text, std::forward<Args>(args)...}, code_{code} {}
    int code() const noexcept { return code_; }

  private:
    int code_;
};

/// As docker ends a command that makes containers: with the words, and where its help is.
exit_error failure_with_help(int code, std::string_view command, std::string_view text);

/// A command while it runs: its words without the flags, the engine, and the user's settings.
struct invocation {
    std::string command; ///< "run", "container ls": as the user wrote it
    std::vector<std::string> words;
    engine& api;
    const client_configuration& settings;
};

/// One command. `make` gives an object with its options, so that nothing of a command exists unless it was asked for.
class command {
  public:
    virtual ~command() = default;
    virtual void declare(flag_set& flags) = 0;
    /// The exit code.
    virtual task<int> run(invocation call) = 0;
};

struct command_entry {
    std::string_view name;    ///< "run"; empty for what exists in its group only
    std::string_view group;   ///< "container": the command is also "container run"
    std::string_view grouped; ///< Its name in the group, where it differs ("ls" for ps)
    std::string_view usage;   ///< "[OPTIONS] IMAGE [COMMAND] [ARG...]"
    std::string_view summary;
    std::size_t least_words;
    std::size_t most_words;
    bool is_interspersed; ///< Flags may follow words
    std::unique_ptr<command> (*make)();
};

/// All commands, in the order in which help shows them.
std::span<const command_entry> all_commands();

} // namespace davit::cli
