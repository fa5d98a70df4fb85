#include "cli/client_configuration.h"

#include <cstdio>

#include "cli/environment.h"
#include "cli/output.h"
#include "core/error.h"
#include "core/fields.h"
#include "io/file.h"
#include "io/json.h"

namespace davit {

template <> struct fields_of<cli::client_configuration::login> {
    using self = cli::client_configuration::login;
    static constexpr auto list =
        field_list{field("auth", &self::auth), field("username", &self::user), field("password", &self::password),
                   field("identitytoken", &self::identity_token)};
};
template <> struct fields_of<cli::client_configuration::proxies> {
    using self = cli::client_configuration::proxies;
    static constexpr auto list =
        field_list{field("httpProxy", &self::http), field("httpsProxy", &self::https), field("ftpProxy", &self::ftp),
                   field("allProxy", &self::all), field("noProxy", &self::no_proxy)};
};
template <> struct fields_of<cli::client_configuration> {
    using self = cli::client_configuration;
    static constexpr auto list = field_list{field("auths", &self::logins),
                                            field("credsStore", &self::credential_helper),
                                            field("currentContext", &self::current_context),
                                            field("detachKeys", &self::detach_keys),
                                            field("credHelpers", &self::credential_helpers),
                                            field("psFormat", &self::ps_format),
                                            field("imagesFormat", &self::images_format),
                                            field("HttpHeaders", &self::headers),
                                            field("proxies", &self::proxies_of)};
};

} // namespace davit

namespace davit::cli {

namespace {

constexpr std::size_t configuration_limit = 4u << 20;

} // namespace

task<client_configuration> read_client_configuration(std::string folder) {
    if (folder.empty()) folder = environment_variable("DOCKER_CONFIG");
    if (folder.empty()) folder = environment_variable("HOME") + "/.docker";
    client_configuration read;
    const std::string path = folder + "/config.json";
    try {
        const auto text = co_await io::find_file(path, configuration_limit);
        if (text && !text->empty()) read = io::parse<client_configuration>(*text, path);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        print_error(fmt::format("WARNING: Error parsing config file ({}): {}", path, e.text()));
    }
    read.folder = std::move(folder);
    co_return read;
}

} // namespace davit::cli
