#include "cli/client_configuration.h"

#include <cstdio>
#include <cstdlib>
#include <tuple>

#include "cli/output.h"
#include "core/error.h"
#include "core/fields.h"
#include "io/file.h"
#include "io/json.h"

namespace davit {

template <> struct fields_of<cli::client_configuration::login> {
    using self = cli::client_configuration::login;
    static constexpr auto list = std::tuple{field("auth", &self::auth), field("identitytoken", &self::identity_token)};
};
template <> struct fields_of<cli::client_configuration> {
    using self = cli::client_configuration;
    static constexpr auto list =
        std::tuple{field("auths", &self::logins),           field("credsStore", &self::credential_helper),
                   field("detachKeys", &self::detach_keys), field("credHelpers", &self::credential_helpers),
                   field("psFormat", &self::ps_format),     field("imagesFormat", &self::images_format)};
};

} // namespace davit

namespace davit::cli {

namespace {

constexpr std::size_t configuration_limit = 4u << 20;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace

task<client_configuration> read_client_configuration() {
    std::string folder = variable("DOCKER_CONFIG");
    if (folder.empty()) folder = variable("HOME") + "/.docker";
    client_configuration read;
    read.path = folder + "/config.json";
    try {
        if (const auto text = co_await io::find_file(read.path, configuration_limit)) {
            const std::string path = read.path;
            read = io::parse<client_configuration>(*text, path);
            read.path = path;
        }
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        fmt::print(stderr, "WARNING: Error loading config file: {}\n", printable(e.text()));
    }
    co_return read;
}

} // namespace davit::cli
