#include "api/davitd/listeners.h"

#include <charconv>
#include <filesystem>
#include <grp.h>
#include <unistd.h>

#include "api/davitd/instance_lock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "io/http_server.h"

namespace davit::api {

namespace {

constexpr std::string_view default_socket = "unix:///run/davit/davit.sock";
constexpr mode_t socket_mode = 0660;
constexpr std::size_t most_connections = 10'000;
constexpr std::size_t kept_for_local_clients = 256;
constexpr std::size_t longest_target = 64 * 1024; // filters travel in the query

bool wants_tls(const settings& config) {
    return config.flag("tls") || config.flag("tlsverify");
}

task<io::tls_context_ptr> make_tls(const settings& config) {
    if (!wants_tls(config)) co_return nullptr;
    io::tls_server_options options;
    options.certificate_file = config.text("tlscert");
    options.key_file = config.text("tlskey");
    if (config.flag("tlsverify")) options.client_authority_file = config.text("tlscacert");
    co_return co_await io::make_tls_context(std::move(options));
}

task<api_listener> open_unix(std::string path, std::optional<gid_t> group) {
    const auto directory = std::filesystem::path{path}.parent_path();
    if (!std::filesystem::exists(directory)) make_private_directory(directory.string(), 0710, group);
    api_listener opened;
    opened.accepts = co_await io::listen_unix(std::move(path), socket_mode, group);
    co_return opened;
}

task<api_listener> open_tcp(const settings& config, host_address at, io::tls_context_ptr tls) {
    api_listener opened;
    opened.accepts = co_await io::listen_tcp(at.tcp_host, at.tcp_port);
    if (!opened.accepts->address().is_loopback() && !config.flag("tlsverify"))
        throw error(errc::invalid,
                    "the API would be open to everybody who reaches {}: whoever uses it is root on this host. Use "
                    "--tlsverify with certificates, or listen on 127.0.0.1",
                    opened.accepts->address().to_string());
    opened.trust.is_local = false;
    opened.trust.host_names.push_back(at.tcp_host);
    std::string name(256, '\0');
    if (::gethostname(name.data(), name.size() - 1) == 0) opened.trust.host_names.emplace_back(name.c_str());
    opened.tls = std::move(tls);
    co_return opened;
}

} // namespace

host_address parse_host_address(std::string_view text, bool uses_tls) {
    host_address at;
    if (text.starts_with("unix://")) {
        at.unix_path = text.substr(7);
        if (at.unix_path.empty()) at.unix_path = default_socket.substr(7);
        if (at.unix_path.front() != '/')
            throw error(errc::invalid, "the socket's path in \"{}\" is not absolute", text);
        return at;
    }
    if (text.starts_with("fd://"))
        throw error(errc::unsupported, "sockets that another process hands over (fd://) are not supported");
    if (!text.starts_with("tcp://"))
        throw error(errc::invalid, "an address to listen at begins with unix:// or tcp://, not \"{}\"", text);
    auto rest = text.substr(6);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const auto colon = rest.rfind(':');
    const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos;
    auto host = has_port ? rest.substr(0, colon) : rest;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    at.tcp_host = host.empty() ? "127.0.0.1" : host;
    at.tcp_port = uses_tls ? 2376 : 2375;
    if (!has_port) return at;
    const auto port = rest.substr(colon + 1);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), at.tcp_port);
    if (failed != std::errc{} || end != port.data() + port.size())
        throw error(errc::invalid, "\"{}\" in \"{}\" is no port", port, text);
    return at;
}

std::optional<gid_t> find_socket_group(const settings& config) {
    const auto& name = config.text("group");
    if (name.empty()) return std::nullopt;
    if (const group* found = ::getgrnam(name.c_str())) return found->gr_gid;
    if (config.was_set("group")) throw error(errc::not_found, "there is no group \"{}\" for the API's socket", name);
    return std::nullopt;
}

task<std::vector<api_listener>> open_listeners(const settings& config, std::optional<gid_t> group) {
    auto hosts = config.list("host");
    std::erase(hosts, "");
    if (hosts.empty()) hosts.emplace_back(default_socket);
    const auto tls = co_await make_tls(config);
    std::vector<api_listener> opened;
    for (const auto& host : hosts) {
        const auto at = parse_host_address(host, wants_tls(config));
        if (at.unix_path.empty())
            opened.push_back(co_await open_tcp(config, at, tls));
        else
            opened.push_back(co_await open_unix(at.unix_path, group));
        log::info("API listens on {}", opened.back().accepts->address().to_string());
    }
    co_return opened;
}

task<void> serve_api(std::vector<api_listener> listeners, router& routes) {
    const auto budget = std::make_shared<io::http_connection_budget>(most_connections, kept_for_local_clients);
    co_await with_scope([&](scope& all) -> task<void> {
        for (auto& listener : listeners) {
            io::http_server_options options;
            options.limits.target_bytes = longest_target;
            options.budget = budget;
            options.tls = listener.tls;
            options.describe_failure = failure_response;
            all.spawn(io::serve(
                *listener.accepts,
                [&routes, &listener](io::http_exchange& http) { return routes.handle(http, listener.trust); },
                std::move(options)));
        }
        co_return;
    });
}

} // namespace davit::api
