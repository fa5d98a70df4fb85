#include "modules/registry_client/registry_client_module.h"

#include <charconv>
#include <utility>

#include "core/error.h"
#include "modules/registry_client/pull_session.h"

namespace davit {
namespace {

registry_endpoint endpoint_of(const image_reference& repository) {
    registry_endpoint found;
    found.shown = repository.domain();
    std::string name = repository.domain() == "docker.io" ? "registry-1.docker.io" : repository.domain();
    const auto colon = name.rfind(':');
    if (colon != std::string::npos && name.find(']', colon) == std::string::npos) {
        const char* const end = name.data() + name.size();
        const auto [at, failed] = std::from_chars(name.data() + colon + 1, end, found.port);
        if (failed != std::errc{} || at != end || found.port == 0) // 0 stands for the usual one
            throw error(errc::invalid, "the registry {} has no port that can be", name);
        name.resize(colon);
    }
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    found.host = std::move(name);
    return found;
}

/// "registry.example:5000" of "https://registry.example:5000/v2/"; Docker Hub by all its names is docker.io.
std::string registry_of(std::string server) {
    if (const auto scheme = server.find("://"); scheme != std::string::npos) server.erase(0, scheme + 3);
    if (const auto slash = server.find('/'); slash != std::string::npos) server.erase(slash);
    if (server == "index.docker.io" || server == "registry-1.docker.io") return "docker.io";
    return server;
}

} // namespace

task<std::unique_ptr<registry_session>> registry_client_module::open(image_reference repository,
                                                                     std::optional<registry_credentials> credentials) {
    registry_credentials used = credentials.value_or(registry_credentials{});
    if (!used.server_address.empty() && registry_of(used.server_address) != repository.domain())
        throw error(errc::invalid, "the credentials are for {:?}, and the image is of {}; they are not sent there",
                    registry_of(used.server_address), repository.domain());
    struct shared_session final : registry_session {
        explicit shared_session(std::shared_ptr<pull_session> to) : session{std::move(to)} {}
        task<fetched_manifest> manifest(image_reference of) override { return session->manifest(std::move(of)); }
        task<fetched_manifest> manifest(digest of) override { return session->manifest(of); }
        task<std::vector<std::string>> tags() override { return session->tags(); }
        task<std::unique_ptr<blob_download>> blob(digest of) override { return session->blob(of); }
        std::shared_ptr<pull_session> session; // downloads may outlive this
    };
    co_return std::make_unique<shared_session>(std::make_shared<pull_session>(
        repository.repository(), std::move(used), trust_, tokens_, endpoint_of(repository)));
}

} // namespace davit
