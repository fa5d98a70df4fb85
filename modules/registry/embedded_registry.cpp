#include "modules/registry/embedded_registry.h"

#include <charconv>
#include <cstdint>

#include "core/error.h"
#include "core/log.h"
#include "io/http_server.h"
#include "io/socket.h"
#include "modules/registry/registry_routes.h"
#include "modules/registry/registry_storage.h"

namespace davit {

namespace {

struct host_and_port {
    std::string host;
    std::uint16_t port = 0;
};

host_and_port parse_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    host_and_port parsed;
    if (colon != std::string::npos && colon > 0) {
        const char* const end = text.data() + text.size();
        const auto [at, failed] = std::from_chars(text.data() + colon + 1, end, parsed.port);
        if (failed == std::errc{} && at == end && colon + 1 < text.size()) {
            parsed.host = text.substr(0, colon);
            return parsed;
        }
    }
    throw error(errc::invalid, "registry is an address like 127.0.0.1:5000, not \"{}\"", text);
}

} // namespace

struct embedded_registry::server {
    server(std::string directory, std::uint64_t longest_blob)
        : storage{std::move(directory)}, routes{storage, longest_blob} {}

    registry_storage storage;
    registry_routes routes;
    io::listener_ptr listening;
};

embedded_registry::embedded_registry(const module_inputs& given)
    : address_{given.config().text("registry")}, directory_{given.config().text("data-root") + "/registry"} {
    const std::int64_t longest = given.config().number("registry-max-blob-size");
    if (longest <= 0) throw error(errc::invalid, "registry-max-blob-size is a number of bytes, not {}", longest);
    longest_blob_ = static_cast<std::uint64_t>(longest);
}

embedded_registry::~embedded_registry() = default;

task<void> embedded_registry::start() {
    if (address_.empty()) co_return;
    const host_and_port where = parse_address(address_);
    server_ = std::make_unique<server>(directory_, longest_blob_);
    co_await server_->storage.prepare();
    server_->listening = co_await io::listen_tcp(where.host, where.port);
    server_->routes.allow_host(where.host, server_->listening->address().port());
    log::info("the embedded registry listens on {}", server_->listening->address().to_string());
    const auto handle = [this](io::http_exchange& exchange) { return server_->routes.handle(exchange); };
    serving_.spawn(io::serve(*server_->listening, handle, registry_routes::server_options()));
    serving_.spawn(server_->routes.uploads().expire());
}

task<void> embedded_registry::stop() {
    co_await serving_.end();
    if (server_) co_await server_->routes.uploads().end();
    server_.reset();
}

} // namespace davit
