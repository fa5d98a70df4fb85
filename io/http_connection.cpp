#include "io/http_connection.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "core/log.h"
#include "core/timeout.h"
#include "io/hijacked_stream.h"
#include "io/url.h"

namespace davit::io::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t smallest_read = 4 * 1024;
constexpr std::size_t largest_believed = 64 * 1024; // of a body's announced length: memory is for what arrives
constexpr std::size_t most_skipped_body = 256 * 1024;

http_response describe(const http_server_options& options, unsigned status, const error& failure) {
    if (options.describe_failure) return options.describe_failure(status, failure);
    http_response response{.head = {.status = status, .headers = {}}, .body = failure.text() + "\n"};
    response.head.headers.add("Content-Type", "text/plain; charset=utf-8");
    return response;
}

} // namespace

http_connection::http_connection(stream_ptr stream, socket_address peer, const http_handler& handler,
                                 const http_server_options& options)
    : stream_{std::move(stream)},
      peer_{std::move(peer)},
      handler_{handler},
      options_{options},
      reader_{http_parser::kind::request, options.limits},
      answer_{*stream_},
      watch_{reader_, *stream_} {}

std::optional<peer_credentials> http_connection::credentials() const {
    const auto* socket = dynamic_cast<const fd_stream*>(stream_.get());
    if (!socket || !peer_.is_unix()) return std::nullopt;
    return credentials_of_peer(socket->fd());
}

/// Time limits are for peers across a network: a local client may take its time.
template <class T> task<T> http_connection::within(std::chrono::milliseconds limit, const char* what, task<T> work) {
    if (peer_.is_unix()) return work;
    return with_timeout(limit, what, std::move(work));
}

task<void> http_connection::run() {
    co_await with_scope([&](scope& watchers) -> task<void> {
        watch_.run_in(watchers);
        co_await serve_requests();
    });
}

task<void> http_connection::serve_requests() {
    while (co_await read_request()) {
        co_await answer_request();
        if (answer_.now() == http_answer::state::hijacked || watch_.is_peer_gone()) co_return;
        if (!answer_.keeps_alive() || !co_await skip_body()) {
            co_await close_gently();
            co_return;
        }
        reader_.next_message();
    }
}

task<bool> http_connection::read_request() {
    answer_.expect({});
    body_limit_ = options_.body_bytes;
    body_read_ = 0;
    wants_watch_ = false;
    std::optional<error> failure;
    unsigned status = 400;
    bool is_idle = !reader_.has_buffered();
    try {
        if (is_idle && !co_await within(options_.idle_timeout, "the next request", reader_.fill(*stream_)))
            co_return false;
        is_idle = false;
        if (!co_await within(options_.header_timeout, "the request's head", reader_.read_head(*stream_)))
            co_return false;
        answer_.expect({.is_head = head().method == http_method::head,
                        .minor_version = head().minor_version,
                        .keeps_alive = reader_.parser().should_keep_alive()});
        expects_continue_ =
            has_body() && head().minor_version > 0 && head().headers.has_token("Expect", "100-continue");
        co_return true;
    } catch (const http_error& e) {
        status = e.status();
        failure = e;
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        if (is_idle || e.category() != errc::timed_out) co_return false; // the peer is gone, or of no more use
        status = 408;
        failure = e;
    }
    answer_.expect({.is_head = head().method == http_method::head, .minor_version = head().minor_version});
    co_await answer_failure(status, std::move(*failure));
    co_await close_gently();
    co_return false;
}

task<void> http_connection::answer_request() {
    http_exchange exchange{*this};
    cancellation reached{co_await this_cancellation()};
    handler_cancellation_ = &reached;
    std::optional<error> failure;
    unsigned status = 500;
    try {
        co_await handler_(exchange).under(&reached);
        if (!has_answered()) throw std::logic_error("the request was handled and not answered");
    } catch (const http_error& e) {
        status = e.status();
        failure = e;
    } catch (const error& e) {
        failure = e;
    } catch (const std::exception& e) { // no error of ours: a fault, or memory that ran out
        log::error("{} {}: {}", to_string(head().method), split_target(head().target).path, e.what());
        failure = error(errc::internal, "{}", e.what());
    }
    handler_cancellation_ = nullptr;
    co_await watch_.stop();
    if (cancellation* outer = co_await this_cancellation()) outer->throw_if_requested();
    if (answer_.now() == http_answer::state::streaming || answer_.is_torn()) {
        // The peer sees the missing end of the body.
        if (!watch_.is_peer_gone())
            log::debug("the response to {} {} was broken off: {}", to_string(head().method), head().target,
                       failure ? std::string_view{failure->text()} : "its body was not finished");
        watch_.note_peer_gone();
    }
    if (!failure || watch_.is_peer_gone()) co_return;
    if (!has_answered())
        co_await answer_failure(status, std::move(*failure));
    else
        log::debug("after the response to {} {}: {}", to_string(head().method), head().target, failure->text());
}

task<void> http_connection::answer_failure(unsigned status, error failure) {
    http_response response = describe(options_, status, failure);
    try {
        co_await respond(std::move(response.head), std::move(response.body));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        watch_.note_peer_gone();
    }
}

task<bool> http_connection::skip_body() {
    if (reader_.is_complete()) co_return true;
    if (expects_continue_) co_return false; // it may send the body or not: no telling what comes next
    std::array<std::byte, 4096> ignored;
    try {
        for (std::size_t skipped = 0; skipped < most_skipped_body;) {
            const std::size_t got =
                co_await within(options_.body_timeout, "the request's body", reader_.read_body(*stream_, ignored));
            if (got == 0) co_return true;
            skipped += got;
        }
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
    co_return false;
}

namespace {

task<void> end_and_read_to_the_end(stream* of) {
    co_await of->shutdown_write();
    std::array<std::byte, 4096> ignored;
    for (std::size_t read = 0; read < most_skipped_body;) {
        const std::size_t got = co_await of->read(ignored);
        if (got == 0) break;
        read += got;
    }
}

} // namespace

task<void> http_connection::close_gently() {
    if (watch_.is_peer_gone()) co_return;
    try {
        co_await with_timeout(1s, "closing", end_and_read_to_the_end(stream_.get()));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
}

task<std::size_t> http_connection::read(bytes into) {
    if (reader_.parser().content_length() > body_limit_)
        throw http_error(413, errc::too_large, "the request's body has {} bytes; at most {} are taken here",
                         reader_.parser().content_length(), body_limit_);
    if (std::exchange(expects_continue_, false) && !reader_.has_buffered()) {
        const std::array interim{as_bytes("HTTP/1.1 100 Continue\r\n\r\n")};
        co_await answer_.send(interim);
    }
    const std::size_t got =
        co_await within(options_.body_timeout, "the request's body", reader_.read_body(*stream_, into));
    body_read_ += got;
    if (body_read_ > body_limit_)
        throw http_error(413, errc::too_large, "the request's body has more than the {} bytes that are taken here",
                         body_limit_);
    if (reader_.is_complete() && wants_watch_) cancel_on_disconnect();
    co_return got;
}

task<std::string> http_connection::read_all(std::size_t limit) {
    limit = std::min<std::uint64_t>({body_limit_, limit, std::string{}.max_size() - 1});
    body_limit_ = limit;
    std::string all;
    std::size_t size = 0;
    do {
        // A small body of known length is read without growing; of another, one byte beyond the limit is asked for.
        const std::uint64_t announced = reader_.parser().content_length();
        const std::uint64_t begun =
            announced > 0 ? std::min<std::uint64_t>(announced, largest_believed) : smallest_read;
        const std::uint64_t grown = std::max<std::uint64_t>(begun, size * 2);
        all.resize(std::min<std::uint64_t>(grown, announced > 0 && announced <= limit ? announced : limit + 1));
        const std::size_t got = co_await read(std::as_writable_bytes(std::span{all}).subspan(size));
        if (got == 0) break;
        size += got;
    } while (!reader_.is_complete());
    all.resize(size);
    co_return all;
}

void http_connection::close_after_unread_body() noexcept {
    if (!reader_.is_complete() && expects_continue_) answer_.close_after();
}

task<void> http_connection::respond(http_response_head head, std::string body) {
    close_after_unread_body();
    return answer_.respond(std::move(head), std::move(body));
}

task<http_body_writer> http_connection::begin_stream(http_response_head head) {
    close_after_unread_body();
    co_await answer_.begin_stream(std::move(head));
    wants_watch_ = true;
    cancel_on_disconnect();
    co_return http_body_writer{*this};
}

task<stream_ptr> http_connection::hijack(http_response_head head) {
    if (!reader_.is_complete()) throw error(errc::internal, "a connection is taken over before its request was read");
    co_await watch_.stop();
    co_await answer_.hijack(std::move(head));
    co_return std::make_unique<hijacked_stream>(std::move(stream_), reader_.take_buffered());
}

void http_connection::cancel_on_disconnect() {
    const bool is_taken_over = answer_.now() == http_answer::state::hijacked;
    if (reader_.is_complete() && !is_taken_over && handler_cancellation_) watch_.begin(*handler_cancellation_);
}

} // namespace davit::io::detail
