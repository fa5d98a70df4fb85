#include "cli/endpoint.h"

#include <unistd.h>

#include "cli/command.h"
#include "cli/environment.h"
#include "cli/output.h"
#include "core/error.h"
#include "core/fields.h"
#include "io/file.h"
#include "io/json.h"
#include "io/sha256.h"
#include "io/url.h"

namespace davit::cli {

namespace {

/// Of a context's meta.json, which docker writes, what leads to an engine.
struct context_endpoint {
    std::string host;
    bool skips_verification = false;
};
struct context_endpoints {
    context_endpoint docker;
};
struct context_description {
    context_endpoints endpoints;
};

} // namespace

} // namespace davit::cli

namespace davit {

template <> struct fields_of<cli::context_endpoint> {
    using self = cli::context_endpoint;
    static constexpr auto list =
        field_list{field("Host", &self::host), field("SkipTLSVerify", &self::skips_verification)};
};
template <> struct fields_of<cli::context_endpoints> {
    using self = cli::context_endpoints;
    static constexpr auto list = field_list{field("docker", &self::docker)};
};
template <> struct fields_of<cli::context_description> {
    using self = cli::context_description;
    static constexpr auto list = field_list{field("Endpoints", &self::endpoints)};
};

} // namespace davit

namespace davit::cli {

namespace {

constexpr std::size_t description_limit = 1u << 20;

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

/// The certificate and key for the engine's eyes may be missing; the authority that vouches for the engine may not.
void add_certificates(engine_address& to, const endpoint_flags& given, const client_configuration& settings) {
    std::string folder = environment_variable("DOCKER_CERT_PATH");
    if (folder.empty()) folder = settings.folder;
    const auto unless_missing = [&](const char* name) {
        const std::string path = folder + name;
        return is_there(path) ? path : std::string{};
    };
    to.ca_file = given.ca_file.empty() ? folder + "/ca.pem" : given.ca_file;
    to.certificate_file = given.certificate_file.empty() ? unless_missing("/cert.pem") : given.certificate_file;
    to.key_file = given.key_file.empty() ? unless_missing("/key.pem") : given.key_file;
    for (const std::string* path : {&to.ca_file, &to.certificate_file, &to.key_file})
        if (!path->empty() && !is_there(*path))
            throw error(errc::not_found, "open {}: no such file or directory", *path);
}

engine_address without_context(const std::string& host, const endpoint_flags& given,
                               const client_configuration& settings) {
    engine_address where;
    const bool verifies = given.verifies_tls.value_or(!environment_variable("DOCKER_TLS_VERIFY").empty());
    const bool uses_tls =
        given.uses_tls || given.verifies_tls || verifies || !environment_variable("DOCKER_TLS").empty();
    where.host = complete_host(host, uses_tls);
    where.uses_tls = uses_tls && where.host.starts_with("tcp://");
    where.verifies_server = verifies;
    if (where.uses_tls) add_certificates(where, given, settings);
    return where;
}

/// A context's files are in folders that are named after the hash of its name, which so may have any characters.
task<engine_address> read_context(std::string name, const client_configuration& settings) {
    const std::string hash = io::sha256::hex_of(name);
    const std::string path = fmt::format("{}/contexts/meta/{}/meta.json", settings.folder, hash);
    const auto text = co_await io::find_file(path, description_limit);
    if (!text)
        throw error(errc::not_found, "context \"{}\": context not found: open {}: no such file or directory", name,
                    path);
    context_endpoint found;
    try {
        found = io::parse<context_description>(*text, path).endpoints.docker;
    } catch (const error& e) {
        throw error(errc::invalid, "context \"{}\": parsing {}: {}", name, path, e.text());
    }
    const std::string folder = fmt::format("{}/contexts/tls/{}/docker", settings.folder, hash);
    engine_address where;
    for (const auto& [file, member] :
         {std::pair{"/ca.pem", &engine_address::ca_file}, std::pair{"/cert.pem", &engine_address::certificate_file},
          std::pair{"/key.pem", &engine_address::key_file}})
        if (is_there(folder + file)) where.*member = folder + file;
    const bool uses_tls = found.skips_verification || is_there(folder);
    where.context = std::move(name);
    where.host = complete_host(found.host, uses_tls);
    where.uses_tls = uses_tls && where.host.starts_with("tcp://");
    where.verifies_server = !found.skips_verification;
    co_return where;
}

} // namespace

std::string complete_host(std::string_view text, bool uses_tls) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    text = text.substr(0, text.find_last_not_of(" \t") + 1);
    if (text.empty() || text == "unix://") return "unix:///run/davit/davit.sock";
    if (text.starts_with("unix://")) return std::string{text};
    const bool names_no_kind = text.find("://") == std::string_view::npos && !text.starts_with('/');
    if (!names_no_kind && !text.starts_with("tcp://"))
        throw error(errc::invalid, "invalid bind address format: {}: give unix:///path or tcp://host:port", text);
    std::string rest{names_no_kind ? text : text.substr(6)};
    if (rest.empty() || rest[0] == ':') rest.insert(0, "localhost");
    io::url parsed = io::url::parse("http://" + rest);
    if (parsed.target() != "/")
        throw error(errc::invalid, "invalid bind address format: {}: an engine's address has no path", text);
    if (parsed.port == 0) parsed.port = uses_tls ? 2376 : 2375;
    const bool is_ip6 = parsed.host.find(':') != std::string::npos;
    return fmt::format("tcp://{}:{}", is_ip6 ? fmt::format("[{}]", parsed.host) : parsed.host, parsed.port);
}

task<engine_address> find_endpoint(endpoint_flags given, const client_configuration& settings) {
    if (!given.context.empty() && !given.hosts.empty())
        throw exit_error(1, "conflicting options: cannot specify both --host and --context");
    engine_address found;
    try {
        if (given.hosts.size() > 1) throw error(errc::invalid, "Specify only one -H");
        std::string context = given.context, host = given.hosts.empty() ? "" : given.hosts[0];
        for (const char* name : {"DAVIT_HOST", "DOCKER_HOST"})
            if (host.empty()) host = environment_variable(name);
        if (host.empty() && context.empty()) context = environment_variable("DOCKER_CONTEXT");
        if (host.empty() && context.empty()) context = settings.current_context;
        const bool has_context = !context.empty() && context != "default";
        found =
            has_context ? co_await read_context(std::move(context), settings) : without_context(host, given, settings);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        throw exit_error(1, "Failed to initialize: unable to resolve davit endpoint: {}", e.text());
    }
    found.api_version = environment_variable("DOCKER_API_VERSION");
    if (found.api_version.starts_with('v')) found.api_version.erase(0, 1);
    found.headers = settings.headers;
    co_return found;
}

} // namespace davit::cli
