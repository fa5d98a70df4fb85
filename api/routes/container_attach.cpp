#include <array>
#include <chrono>
#include <optional>

#include "api/detach_keys.h"
#include "api/routes/handlers.h"
#include "api/stdcopy.h"
#include "api/stream_type.h"
#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/stream.h"

namespace davit::api::routes {

namespace {

attach_request read_attach_request(const exchange& request) {
    attach_request asked;
    asked.wants_logs = request.flag("logs");
    asked.wants_stream = request.flag("stream");
    asked.standard_input = request.flag("stdin");
    asked.standard_output = request.flag("stdout");
    asked.standard_error = request.flag("stderr");
    return asked;
}

/// A session between a client's connection and a container's streams.
struct attach_session {
    attachment& container;
    io::stream& client;
    bool takes_input = false;
    std::optional<detach_watch> detaches; ///< With a terminal
};

constexpr std::chrono::seconds between_looks{2};

/// Moves the client's bytes to the container's standard input, and drops them when that is closed. Ends at the client's
/// half-close. True when the session ends with it: the client typed the detach keys, or the container's input goes on
/// without it. Errors: unavailable when the client is gone.
task<bool> feed_input(attach_session& session) {
    std::array<std::byte, 16 * 1024> buffer;
    while (const auto size = co_await session.client.read(buffer)) {
        if (!session.takes_input) continue;
        const std::string_view typed{reinterpret_cast<const char*>(buffer.data()), size};
        std::string forward;
        bool is_detaching = false;
        if (session.detaches)
            is_detaching = session.detaches->feed(typed, forward);
        else
            forward = typed;
        try {
            if (!forward.empty()) co_await session.container.write(std::move(forward));
        } catch (const error& e) {
            if (e.category() != errc::unavailable) throw;
            session.takes_input = false;
        }
        if (is_detaching) {
            session.container.detached();
            co_return true;
        }
    }
    co_return session.takes_input && !co_await session.container.close_input();
}

/// Ends the session when the client detaches or is gone. A client that only has nothing more to say stays; that it went
/// away later is seen by looking now and then, since a quiet container writes nothing that would tell.
task<void> watch_client(attach_session& session, scope& all) {
    bool has_ended = false;
    try {
        has_ended = co_await feed_input(session);
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
        has_ended = true;
    }
    while (!has_ended && !session.client.has_lost_peer()) co_await sleep_for(between_looks);
    all.cancel();
}

task<void> send_output(attach_session& session) {
    const bool is_tty = session.container.is_tty();
    std::string frame;
    while (const auto chunk = co_await session.container.next()) {
        if (is_tty) {
            co_await session.client.write(io::as_bytes(chunk->bytes));
            continue;
        }
        frame.clear();
        append_frame(frame, chunk->from, chunk->bytes);
        co_await session.client.write(io::as_bytes(frame));
    }
    co_await session.client.shutdown_write();
}

/// The answer that turns the connection into a plain stream: 101 for a client that asks for an upgrade, 200 otherwise.
io::http_response_head hijack_head(exchange& request, bool is_tty) {
    if (!request.http().head().headers.has("Upgrade")) return request.head(200, raw_stream_type);
    if (!request.http().asks_for_upgrade("tcp"))
        throw error(errc::invalid, "a connection is upgraded to \"tcp\" and to nothing else");
    auto head = request.head(101, stream_type(is_tty, request.version()));
    head.reason = "UPGRADED";
    head.headers.add("Connection", "Upgrade");
    head.headers.add("Upgrade", "tcp");
    return head;
}

} // namespace

task<void> attach_container(engine& serves, exchange& request) {
    const auto asked = read_attach_request(request);
    auto keys = parse_detach_keys(request.text("detachKeys"));
    co_await request.http().read_all(no_body_limit);
    const auto container = co_await serves.containers.attach(request.path("id"), asked);
    const auto client = co_await request.http().hijack(hijack_head(request, container->is_tty()));
    attach_session session{*container, *client, asked.standard_input && asked.wants_stream, std::nullopt};
    if (container->is_tty()) session.detaches.emplace(std::move(keys));
    try {
        co_await with_scope([&](scope& both) -> task<void> {
            both.spawn(watch_client(session, both));
            co_await send_output(session);
            both.cancel();
        });
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw; // a client that has gone ends its session and nothing else
    }
}

} // namespace davit::api::routes
