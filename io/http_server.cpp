#include "io/http_server.h"

#include <utility>

#include "core/log.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/http_connection.h"

namespace davit::io {

const http_request_head& http_exchange::head() const noexcept {
    return connection_.head();
}
const socket_address& http_exchange::peer() const noexcept {
    return connection_.peer();
}
std::optional<peer_credentials> http_exchange::credentials() const {
    return connection_.credentials();
}
task<std::size_t> http_exchange::read(bytes into) {
    return connection_.read(into);
}
task<std::string> http_exchange::read_all(std::size_t limit) {
    return connection_.read_all(limit);
}
void http_exchange::limit_body(std::uint64_t bytes) noexcept {
    connection_.limit_body(bytes);
}
bool http_exchange::has_body() const noexcept {
    return connection_.has_body();
}
const http_headers& http_exchange::trailers() const noexcept {
    return connection_.trailers();
}
task<void> http_exchange::respond(http_response_head head, std::string body) {
    return connection_.respond(std::move(head), std::move(body));
}
task<http_body_writer> http_exchange::begin_stream(http_response_head head) {
    return connection_.begin_stream(std::move(head));
}
task<stream_ptr> http_exchange::hijack(http_response_head head) {
    return connection_.hijack(std::move(head));
}
bool http_exchange::asks_for_upgrade(std::string_view protocol) const noexcept {
    const http_headers& headers = head().headers;
    return headers.has_token("Connection", "upgrade") && headers.has_token("Upgrade", protocol);
}
void http_exchange::cancel_on_disconnect() {
    connection_.cancel_on_disconnect();
}
bool http_exchange::has_answered() const noexcept {
    return connection_.has_answered();
}

task<void> http_body_writer::write(const_bytes data) {
    return connection_->write(data);
}
task<void> http_body_writer::finish() {
    return connection_->finish({});
}
task<void> http_body_writer::finish(http_headers trailers) {
    return connection_->finish(std::move(trailers));
}

namespace {

/// A connection's place in the budget.
class budget_place {
  public:
    explicit budget_place(std::shared_ptr<http_connection_budget> budget) noexcept : budget_{std::move(budget)} {}
    budget_place(budget_place&&) noexcept = default;
    budget_place& operator=(budget_place&&) = delete;
    ~budget_place() {
        if (budget_) budget_->give_back();
    }

  private:
    std::shared_ptr<http_connection_budget> budget_;
};

/// Serves one connection; only cancelled leaves it as an error: what one connection meets, memory that ran out too, is
/// no end of the others. Handler and options are the accepting coroutine's.
task<void> serve_accepted(accepted client, budget_place, const http_handler* handler,
                          const http_server_options* options) {
    try {
        stream_ptr connection = std::move(client.connection);
        if (options->tls)
            connection = co_await with_timeout(options->handshake_timeout, "the TLS handshake",
                                               tls_accept(options->tls, std::move(connection)));
        detail::http_connection served{std::move(connection), client.peer, *handler, *options};
        co_await served.run();
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::debug("the connection of {} ended: {}", client.peer.to_string(), e.text());
    } catch (const std::exception& e) {
        log::error("the connection of {} ended: {}", client.peer.to_string(), e.what());
    }
}

} // namespace

task<void> serve(listener& accepts, http_handler handler, http_server_options options) {
    if (!options.budget) options.budget = std::make_shared<http_connection_budget>(10'000, 0);
    const bool is_local = accepts.address().is_unix();
    co_await with_scope([&](scope& connections) -> task<void> {
        for (;;) {
            accepted client = co_await accepts.accept();
            if (!options.budget->take(is_local)) {
                log::debug("the connection of {} was closed: there are {} others", client.peer.to_string(),
                           options.budget->open());
                continue;
            }
            connections.spawn(serve_accepted(std::move(client), budget_place{options.budget}, &handler, &options));
        }
    });
}

task<void> serve_connection(stream_ptr connection, socket_address peer, http_handler handler,
                            http_server_options options) {
    detail::http_connection served{std::move(connection), std::move(peer), handler, options};
    co_await served.run();
}

} // namespace davit::io
