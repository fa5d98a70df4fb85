#include "cli/api_socket.h"

#include <algorithm>
#include <string_view>

#include "cli/registry_credentials.h"
#include "cli/value.h"
#include "core/error.h"
#include "io/tar.h"

namespace davit::cli {

namespace {

// Where docker's programs and SDKs look for the socket, and where its CLI puts the logins.
constexpr std::string_view socket_inside = "/var/run/docker.sock";
constexpr std::string_view folder_inside = "/run/secrets/docker";
constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view folder_variable = "DOCKER_CONFIG=";

std::string archive_of(const std::string& file) {
    std::string archive;
    io::tar_writer writer{[&](std::span<const std::byte> bytes) {
        archive.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }};
    io::tar_entry entry;
    entry.path = fmt::format("{}/config.json", folder_inside.substr(1));
    entry.size = file.size();
    entry.mode = 0600;
    writer.add(entry, file);
    writer.finish();
    return archive;
}

} // namespace

task<std::string> add_api_socket(api::create_body& to, const engine& api, const client_configuration& settings) {
    if (!api.host().starts_with(unix_scheme))
        throw error(errc::invalid,
                    "flag --use-api-socket can only be used with unix sockets: docker endpoint {} incompatible",
                    api.host());
    value mount;
    mount.set("Type", "bind");
    mount.set("Source", api.host().substr(unix_scheme.size()));
    mount.set("Target", std::string{socket_inside});
    mount.set("BindOptions", value::object{});
    if (!to.host.mounts) to.host.mounts.emplace();
    to.host.mounts->push_back({mount.to_json()});

    if (!to.environment) to.environment.emplace();
    if (std::ranges::any_of(*to.environment, [](const auto& each) { return each.starts_with(folder_variable); }))
        co_return std::string{};
    std::string file;
    try {
        file = co_await all_registry_credentials(settings);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        throw error(errc::invalid, "resolving credentials failed: {}", e.text());
    }
    if (!file.empty()) to.environment->push_back(fmt::format("{}{}", folder_variable, folder_inside));
    co_return file;
}

task<void> give_logins(engine& api, const std::string& container, std::string file) {
    try {
        co_await api.ask(io::http_method::put,
                         container_path(container) + "/archive?noOverwriteDirNonDir=true&path=%2F", archive_of(file),
                         {{"Content-Type", "application/x-tar"}});
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        throw error(errc::unavailable,
                    "injecting docker config.json into container failed: copying config.json into container failed: {}",
                    e.text());
    }
}

} // namespace davit::cli
