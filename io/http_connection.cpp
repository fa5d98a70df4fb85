#include "io/http_connection.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "core/log.h"
#include "core/timeout.h"
#include "io/hijacked_stream.h"

namespace davit::io::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_copied_body = 16 * 1024; // beyond that, a second part of the write is cheaper
constexpr std::size_t smallest_read = 4 * 1024;
constexpr std::size_t largest_believed = 64 * 1024; // of a body's announced length: memory is for what arrives
constexpr std::size_t most_skipped_body = 256 * 1024;

/// The Date header's value (RFC 9110 §5.6.7), made once a second.
std::string_view http_date() {
    static thread_local std::time_t made_at = 0;
    static thread_local std::array<char, 32> text{};
    static thread_local std::size_t size = 0;
    const std::time_t now = std::time(nullptr);
    if (now != made_at) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        made_at = now;
    }
    return {text.data(), size};
}

bool may_have_body(unsigned status) noexcept {
    return status >= 200 && status != 204 && status != 304;
}

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
      reader_{http_parser::kind::request, options.limits} {}

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
        watchers_ = &watchers;
        co_await serve_requests();
    });
}

task<void> http_connection::serve_requests() {
    while (co_await read_request()) {
        co_await answer_request();
        if (answer_ == answer::hijacked || peer_is_gone_) co_return;
        if (!keep_alive_ || !co_await skip_body()) {
            co_await close_gently();
            co_return;
        }
        reader_.next_message();
    }
}

task<bool> http_connection::read_request() {
    answer_ = answer::none;
    framing_ = framing::none;
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
        keep_alive_ = reader_.parser().should_keep_alive();
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
    keep_alive_ = false;
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
        if (answer_ == answer::none) failure = error(errc::internal, "the request was handled and not answered");
    } catch (const http_error& e) {
        status = e.status();
        failure = e;
    } catch (const error& e) {
        failure = e;
    } catch (const std::exception& e) {
        failure = error(errc::internal, "{}", e.what());
    }
    handler_cancellation_ = nullptr;
    co_await stop_watching();
    if (cancellation* outer = co_await this_cancellation()) outer->throw_if_requested();
    if (answer_ == answer::streaming || is_torn_) {
        // The peer sees the missing end of the body.
        if (!peer_is_gone_)
            log::debug("the response to {} {} was broken off: {}", to_string(head().method), head().target,
                       failure ? std::string_view{failure->text()} : "its body was not finished");
        peer_is_gone_ = true;
    }
    if (!failure || peer_is_gone_) co_return;
    if (answer_ == answer::none)
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
        peer_is_gone_ = true;
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
    if (peer_is_gone_) co_return;
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
        co_await send(interim);
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

task<void> http_connection::send(std::span<const const_bytes> parts) {
    if (is_torn_) throw error(errc::unavailable, "the response was broken off in the middle of a write");
    is_torn_ = true;
    co_await stream_->write_parts(parts);
    is_torn_ = false;
}

void http_connection::begin_answer(answer with, http_response_head& head) {
    if (answer_ != answer::none) throw error(errc::internal, "a request was answered twice");
    if (!reader_.is_complete() && expects_continue_) keep_alive_ = false;
    if (with != answer::hijacked) {
        head.headers.remove("Transfer-Encoding");
        if (!keep_alive_)
            head.headers.set("Connection", "close");
        else if (this->head().minor_version == 0)
            head.headers.set("Connection", "keep-alive");
    }
    if (with != answer::hijacked && !head.headers.has("Date")) head.headers.add("Date", http_date());
}

task<void> http_connection::respond(http_response_head head, std::string body) {
    const bool is_head = this->head().method == http_method::head;
    if (may_have_body(head.status)) {
        if (!is_head || !head.headers.has("Content-Length"))
            head.headers.set("Content-Length", std::to_string(body.size()));
    } else {
        head.headers.remove("Content-Length");
    }
    begin_answer(answer::whole, head);
    out_.clear();
    append_head(out_, head);
    answer_ = answer::whole;
    if (is_head || !may_have_body(head.status)) body.clear();
    if (body.size() <= largest_copied_body) {
        out_ += body;
        const std::array whole{as_bytes(out_)};
        co_await send(whole);
    } else {
        const std::array parts{as_bytes(out_), as_bytes(body)};
        co_await send(parts);
    }
}

task<http_body_writer> http_connection::begin_stream(http_response_head head) {
    const std::string_view length = head.headers.get("Content-Length");
    if (this->head().method == http_method::head || !may_have_body(head.status)) {
        framing_ = framing::none;
    } else if (!length.empty()) {
        framing_ = framing::length;
        const auto read = std::from_chars(length.data(), length.data() + length.size(), length_left_);
        if (read.ec != std::errc{} || read.ptr != length.data() + length.size())
            throw error(errc::internal, "a response was given the length \"{}\"", length);
    } else if (this->head().minor_version > 0) {
        framing_ = framing::chunked;
    } else {
        framing_ = framing::until_close;
        keep_alive_ = false;
    }
    begin_answer(answer::streaming, head);
    if (framing_ == framing::chunked) head.headers.add("Transfer-Encoding", "chunked");
    out_.clear();
    append_head(out_, head);
    answer_ = answer::streaming;
    const std::array whole{as_bytes(out_)};
    co_await send(whole);
    wants_watch_ = true;
    if (reader_.is_complete()) cancel_on_disconnect();
    co_return http_body_writer{*this};
}

task<void> http_connection::write(const_bytes data) {
    if (answer_ != answer::streaming) throw error(errc::internal, "writing to a response body that has ended");
    if (data.empty() || framing_ == framing::none) co_return;
    if (framing_ == framing::chunked) {
        std::array<char, 18> size;
        char* const end = std::to_chars(size.data(), size.data() + size.size() - 2, data.size(), 16).ptr;
        std::copy_n("\r\n", 2, end);
        const std::array parts{as_bytes({size.data(), static_cast<std::size_t>(end + 2 - size.data())}), data,
                               as_bytes("\r\n")};
        co_await send(parts);
        co_return;
    }
    if (framing_ == framing::length) {
        if (data.size() > length_left_) throw error(errc::internal, "a response body is longer than its head says");
        length_left_ -= data.size();
    }
    const std::array whole{data};
    co_await send(whole);
}

task<void> http_connection::finish(http_headers trailers) {
    if (answer_ != answer::streaming) throw error(errc::internal, "ending a response body that has ended");
    if (is_torn_) throw error(errc::unavailable, "the response was broken off in the middle of a write");
    if (framing_ == framing::length && length_left_ > 0)
        throw error(errc::internal, "a response body is {} bytes shorter than its head says", length_left_);
    if (framing_ == framing::chunked) {
        out_ = "0\r\n";
        append_trailers(out_, trailers);
        const std::array whole{as_bytes(out_)};
        co_await send(whole);
    }
    answer_ = answer::streamed;
}

task<stream_ptr> http_connection::hijack(http_response_head head) {
    if (!reader_.is_complete()) throw error(errc::internal, "a connection is taken over before its request was read");
    begin_answer(answer::hijacked, head);
    out_.clear();
    append_head(out_, head);
    co_await stop_watching();
    answer_ = answer::hijacked;
    co_await stream_->write(as_bytes(out_));
    co_return std::make_unique<hijacked_stream>(std::move(stream_), reader_.take_buffered());
}

void http_connection::cancel_on_disconnect() {
    if (is_watching_ || !reader_.is_complete() || answer_ == answer::hijacked) return;
    is_watching_ = true;
    watch_ended_.reset();
    watch_cancellation_.emplace();
    watchers_->spawn(watch());
}

task<void> http_connection::read_ahead() {
    try {
        while (!reader_.is_full())
            if (!co_await reader_.fill(*stream_)) break;
        if (reader_.is_full()) co_return; // it has sent many requests ahead: it is there
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
    peer_is_gone_ = true;
    if (handler_cancellation_) handler_cancellation_->request();
}

task<void> http_connection::watch() {
    try {
        co_await read_ahead().under(&*watch_cancellation_);
    } catch (const error&) {
        // Only cancelled gets here: the handler has ended.
    }
    watch_ended_.set();
}

task<void> http_connection::stop_watching() {
    if (!is_watching_) co_return;
    watch_cancellation_->request();
    co_await watch_ended_.wait().under(nullptr);
    is_watching_ = false;
}

} // namespace davit::io::detail
