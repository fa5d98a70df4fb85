#include "api/davitd/options.h"

#include <array>

#include <fmt/format.h>

#include "core/error.h"

namespace davit::api {

namespace {

constexpr std::array engine_keys = {
    setting_key{"config-file", "/etc/davit/daemon.json", "Configuration file"},
    setting_key{"host", "", "Where the API listens: unix://PATH or tcp://HOST:PORT (unix:///run/davit/davit.sock)",
                true},
    setting_key{"group", "docker", "Group that may use the unix socket, when it exists"},
    setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    setting_key{"exec-root", "/run/davit", "Root directory of state that ends with the host's uptime"},
    setting_key{"pidfile", "", "File for the engine's pid (davitd.pid in the exec root)"},
    setting_key{"storage-driver", "overlay", "Storage driver: overlay or vfs"},
    setting_key{"log-driver", "json-file", "Log driver of containers that name none"},
    setting_key{"default-runtime", "davit", "Runtime of containers that name none"},
    setting_key{"insecure-registry", "", "Registry that is talked to without TLS", true},
    setting_key{"label", "", "Label of this engine, KEY=VALUE", true},
    setting_key{"debug", "false", "Log at level debug", false, true},
    setting_key{"log-level", "info", "Lowest level that is logged: debug, info, warn, error"},
    setting_key{"tls", "false", "Use TLS on TCP; implied by --tlsverify", false, true},
    setting_key{"tlsverify", "false", "Use TLS on TCP and ask clients for a certificate", false, true},
    setting_key{"tlscacert", "/etc/davit/ca.pem", "Authority that signs the certificates of clients"},
    setting_key{"tlscert", "/etc/davit/server-cert.pem", "Certificate of the engine"},
    setting_key{"tlskey", "/etc/davit/server-key.pem", "Key of the engine"},
};

struct short_name {
    std::string_view flag;
    std::string_view key;
};
constexpr std::array short_names = {short_name{"-H", "host"}, short_name{"-D", "debug"}, short_name{"-l", "log-level"},
                                    short_name{"-p", "pidfile"}, short_name{"-G", "group"}};

std::optional<command> command_of(std::string_view argument) {
    if (argument == "--help" || argument == "-h") return command::show_help;
    if (argument == "--version" || argument == "-v") return command::show_version;
    if (argument == "--modules") return command::show_modules;
    if (argument == "--validate") return command::validate;
    return std::nullopt;
}

std::optional<setting_key> find_key(const settings& in, std::string_view name) {
    for (const auto& key : in.keys())
        if (key.name == name) return key;
    return std::nullopt;
}

/// The key that an argument names, and the value that it brings along after "=".
struct named_flag {
    setting_key key;
    std::optional<std::string> value;
};

named_flag read_flag(const settings& in, const std::string& argument) {
    for (const auto& [flag, key] : short_names) {
        if (!argument.starts_with(flag)) continue;
        named_flag named{*find_key(in, key), std::nullopt};
        if (argument.size() > flag.size()) named.value = argument.substr(argument[2] == '=' ? 3 : 2);
        return named;
    }
    if (!argument.starts_with("--"))
        throw error(errc::invalid, "davitd takes no arguments beside its flags: \"{}\"; see `davitd --help`", argument);
    const auto equals = argument.find('=');
    const auto name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto key = find_key(in, name);
    if (!key) throw error(errc::invalid, "unknown flag: --{}; see `davitd --help`", name);
    named_flag named{*key, std::nullopt};
    if (equals != std::string::npos) named.value = argument.substr(equals + 1);
    return named;
}

} // namespace

void declare_engine_settings(settings& into) {
    for (const auto& key : engine_keys) into.declare(key);
}

command read_command_line(settings& into, const std::vector<std::string>& arguments) {
    command asked = command::run;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        if (const auto other = command_of(arguments[at])) {
            asked = *other;
            continue;
        }
        auto [key, value] = read_flag(into, arguments[at]);
        if (!value && key.is_flag) value = "true";
        if (!value) {
            if (at + 1 == arguments.size()) throw error(errc::invalid, "flag needs an argument: --{}", key.name);
            value = arguments[++at];
        }
        into.set(key.name, *value);
        if (key.is_flag) into.flag(key.name); // refuses what is neither true nor false
    }
    return asked;
}

std::string plural_of(std::string_view key) {
    if (key.ends_with('y')) return fmt::format("{}ies", key.substr(0, key.size() - 1));
    return key.ends_with('s') ? std::string{key} : fmt::format("{}s", key);
}

std::string describe_options(const settings& of) {
    std::string text = "Usage: davitd [FLAGS]\n\nA container engine that speaks the Docker Engine API.\n\nFlags:\n";
    const auto line = [&](std::string_view left, std::string_view help) {
        text += fmt::format("  {:<28} {}\n", left, help);
    };
    for (const auto& key : of.keys()) {
        std::string left = "    ";
        for (const auto& [flag, name] : short_names)
            if (name == key.name) left = fmt::format("{}, ", flag);
        left += fmt::format("--{}{}", key.name, key.is_flag ? "" : key.is_list ? " list" : " string");
        const bool has_default = !key.default_value.empty() && !(key.is_flag && key.default_value == "false");
        line(left,
             has_default ? fmt::format("{} (default \"{}\")", key.help, key.default_value) : std::string{key.help});
    }
    line("-h, --help", "Print this and end");
    line("    --modules", "Print the modules that this engine is made of and end");
    line("    --validate", "Check the configuration and end");
    line("-v, --version", "Print the version and end");
    return text;
}

} // namespace davit::api
