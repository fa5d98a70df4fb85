#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.h"

namespace davit::api {

/// What a command line of davitd asks for beside its settings.
enum class command : unsigned char { run, validate, show_help, show_version, show_modules };

/// Declares the keys that belong to no module: where the API listens, who may use it, what is logged.
void declare_engine_settings(settings& into);

/// Reads a command line (without the program's name) into declared settings: --name value, --name=value, --flag, and
/// dockerd's short forms -H, -D, -l, -p, -G. Errors: invalid, naming the flag.
command read_command_line(settings& into, const std::vector<std::string>& arguments);

/// Reads daemon.json's text: the same keys, lists under their plural ("hosts"), options as an object ("log-opts").
/// Errors: invalid, in dockerd's words, for unknown keys and for those that the command line sets, too; `path` is
/// named.
void read_config_file(settings& into, std::string_view text, std::string_view path);

/// The names that daemon.json has for a list: "hosts", "insecure-registries", "dns".
std::string plural_of(std::string_view key);

/// What --help prints.
std::string describe_options(const settings& of);

} // namespace davit::api
