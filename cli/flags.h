#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli {

/// The flags of one command, by the rules that Docker's users know (those of GNU and of Go's pflag): --name=value or
/// --name value, -n value or -nvalue, several short ones in one word (-it), -- ends them. The flags of commands that
/// run another program end at the first word that is none.
///
/// A command's flags are few and its start must cost nothing, which is why this is not a general library: what it gives
/// beyond parsing is Docker's help texts and Docker's sentences for what is wrong.
class flag_set {
  public:
    void boolean(std::string_view name, char shorthand, bool& into, std::string_view help);
    /// Also takes =false, and remembers that it was given.
    void optional_boolean(std::string_view name, std::optional<bool>& into, std::string_view help);
    void text(std::string_view name, char shorthand, std::string& into, std::string_view help,
              std::string_view type = "string");
    void list(std::string_view name, char shorthand, std::vector<std::string>& into, std::string_view help,
              std::string_view type = "list");
    void number(std::string_view name, char shorthand, std::optional<std::int64_t>& into, std::string_view help,
                std::string_view type = "int");
    /// A flag whose values `set` takes, or refuses by throwing an error with the reason.
    void parsed(std::string_view name, char shorthand, std::string_view type, std::string_view help,
                std::function<void(const std::string&)> set);
    /// Another name of a flag, which help does not show.
    void alias(std::string_view name, std::string_view of);
    /// Takes flags out of the help: those for other systems' engines.
    void hide(std::initializer_list<std::string_view> names);
    /// The API's version that a flag came with: an older engine would do something else than it is told.
    void since(std::string_view name, std::string_view api_version);

    /// Sets what the words say and returns those that are no flags. With `is_interspersed` flags may follow them.
    /// Errors: invalid ("unknown flag: --x", "flag needs an argument: --x", "invalid argument …").
    std::vector<std::string> parse(const std::vector<std::string>& words, bool is_interspersed);

    /// The flags that were given and are not known to every engine, by name, and the versions that know them.
    std::map<std::string, std::string_view> given_since() const;

    /// The heading ("Options") and a line for each flag, by name; empty without flags.
    std::string help(std::string_view heading) const;

  private:
    struct flag {
        std::string name;
        char shorthand = 0;
        std::string type; ///< Empty for a boolean
        std::string help;
        bool is_hidden = false;
        std::function<void(const std::string&)> set;
        std::string_view since{}; ///< A version of the API; empty for any
        bool is_given = false;
    };

    flag* find(std::string_view name) noexcept;
    flag* find_short(char shorthand) noexcept;
    std::size_t parse_short(const std::vector<std::string>& words, std::size_t at);
    std::size_t parse_long(const std::vector<std::string>& words, std::size_t at);
    static void set(flag& of, const std::string& value, const std::string& as_written);

    std::vector<flag> flags_;
};

} // namespace davit::cli
