#include <charconv>

#include "api/detach_keys.h"
#include "api/routes/handlers.h"
#include "core/error.h"

namespace davit::api::routes {

namespace {

std::uint16_t terminal_size(const exchange& request, std::string_view parameter, std::string_view side) {
    const auto text = request.text(parameter);
    std::int64_t size = 0;
    const char* const end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, size);
    if (failed == std::errc::invalid_argument || at != end)
        throw error(errc::invalid, "invalid resize {} \"{}\": invalid syntax", side, text);
    if (failed != std::errc{} || size < 0 || size > 0xffff)
        throw error(errc::invalid, "invalid resize {} \"{}\": value out of range", side, text);
    return static_cast<std::uint16_t>(size);
}

} // namespace

task<void> start_container(engine& serves, exchange& request) {
    // A body was a way to change the host configuration up to v1.23. Clients that send an empty object mean nothing by
    // it, and no object that says anything is shorter than this.
    constexpr std::size_t shortest_meant = 8;
    if (request.http().has_body() && (co_await request.http().read_all(no_body_limit)).size() >= shortest_meant)
        throw error(errc::invalid, "starting container with non-empty request body was deprecated since API v1.22 and "
                                   "removed in v1.24");
    // A checkpoint says itself what its container may do: none is taken, and none restored.
    if (!request.text("checkpoint").empty()) throw error(errc::unsupported, "checkpoints are not supported");
    parse_detach_keys(request.text("detachKeys"));
    const bool has_started = co_await serves.containers.start(request.path("id"));
    co_await request.respond(has_started ? 204 : 304);
}

task<void> stop_container(engine& serves, exchange& request) {
    const bool has_stopped =
        co_await serves.containers.stop(request.path("id"), request.number("t"), request.text("signal"));
    co_await request.respond(has_stopped ? 204 : 304);
}

task<void> restart_container(engine& serves, exchange& request) {
    co_await serves.containers.restart(request.path("id"), request.number("t"), request.text("signal"));
    co_await request.respond(204);
}

task<void> kill_container(engine& serves, exchange& request) {
    try {
        co_await serves.containers.kill(request.path("id"), request.text("signal"));
    } catch (error& e) {
        e.while_doing("cannot kill container: {}", request.path("id"));
        throw;
    }
    co_await request.respond(204);
}

task<void> resize_container(engine& serves, exchange& request) {
    const auto rows = terminal_size(request, "h", "height");
    const auto columns = terminal_size(request, "w", "width");
    co_await serves.containers.resize(request.path("id"), rows, columns);
    co_await request.respond(200);
}

task<void> delete_container(engine& serves, exchange& request) {
    if (request.flag("link")) throw error(errc::unsupported, "links are not supported by this version of Davit");
    remove_options options;
    options.force = request.flag("force");
    options.remove_volumes = request.flag("v");
    co_await serves.containers.remove(request.path("id"), options);
    co_await request.respond(204);
}

} // namespace davit::api::routes
