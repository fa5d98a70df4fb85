#include "io/http_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "core/timeout.h"
#include "io/hijacked_stream.h"
#include "io/http_reader.h"
#include "io/socket.h"

namespace davit::io {

namespace detail {

class http_client_connection {
  public:
    http_client_connection(stream_ptr to, const http_client_options& options, http_origin origin,
                           std::weak_ptr<http_client_pool> pool)
        : stream{std::move(to)},
          reader{http_parser::kind::response, options.limits},
          body_timeout{options.body_timeout},
          origin{std::move(origin)},
          pool{std::move(pool)} {}

    /// A peer that has closed, or sent what nobody asked for, makes a kept connection useless.
    bool is_quiet() const noexcept {
        const auto* socket = dynamic_cast<const fd_stream*>(stream.get());
        if (!socket) return true; // no telling
        char byte = 0;
        return ::recv(socket->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    bool is_plain_socket() const noexcept { return dynamic_cast<const fd_stream*>(stream.get()) != nullptr; }

    stream_ptr stream;
    http_reader reader;
    std::chrono::milliseconds body_timeout;
    http_origin origin;
    std::weak_ptr<http_client_pool> pool;
    std::chrono::steady_clock::time_point idle_since;
    bool was_kept = false; // it has served a request before
};

using connection_ptr = std::unique_ptr<http_client_connection>;

class http_client_pool {
  public:
    explicit http_client_pool(const http_client_options& options)
        : limit_{options.idle_per_origin}, timeout_{options.idle_timeout} {}

    /// The connection that was used last; null when there is none that may still be of use.
    connection_ptr take(const http_origin& origin) {
        drop_expired();
        const auto found = idle_.find(origin);
        while (found != idle_.end() && !found->second.empty()) {
            connection_ptr last = std::move(found->second.back());
            found->second.pop_back();
            if (last->is_quiet()) return last;
        }
        return nullptr;
    }

    void give_back(connection_ptr connection) {
        drop_expired();
        connection->idle_since = executor::current().now();
        connection->was_kept = true;
        connection->reader.next_message();
        auto& list = idle_[connection->origin];
        list.push_back(std::move(connection));
        if (list.size() > limit_) list.erase(list.begin());
    }

    void clear() noexcept { idle_.clear(); }

  private:
    void drop_expired() {
        const auto oldest = executor::current().now() - timeout_;
        for (auto& [origin, list] : idle_)
            std::erase_if(list, [&](const connection_ptr& c) { return c->idle_since < oldest; });
        std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
    }

    std::size_t limit_;
    std::chrono::milliseconds timeout_;
    std::map<http_origin, std::vector<connection_ptr>> idle_;
};

} // namespace detail

namespace {

using detail::connection_ptr;

/// `work`, under a time limit unless that is 0.
template <class T> task<T> within(std::chrono::milliseconds limit, const char* what, task<T> work) {
    if (limit == std::chrono::milliseconds::zero()) return work;
    return with_timeout(limit, what, std::move(work));
}

std::string host_header(const http_origin& origin) {
    if (origin.scheme == "unix") return "localhost";
    url address;
    address.scheme = origin.scheme;
    address.host = origin.host;
    address.port = origin.port;
    return address.authority();
}

/// Whether doing it twice is as good as once (RFC 9110 §9.2.2).
bool is_idempotent(http_method method) noexcept {
    return method != http_method::post && method != http_method::patch && method != http_method::connect;
}

void complete_head(http_request_head& head, const http_origin& origin, const http_request_body& body) {
    if (!head.headers.has("Host")) head.headers.add("Host", host_header(origin));
    head.headers.remove("Content-Length");
    head.headers.remove("Transfer-Encoding");
    const bool usually_has_body =
        head.method == http_method::post || head.method == http_method::put || head.method == http_method::patch;
    if (body.source && !body.length)
        head.headers.add("Transfer-Encoding", "chunked");
    else if (body.source)
        head.headers.add("Content-Length", std::to_string(*body.length));
    else if (!body.text.empty() || usually_has_body)
        head.headers.add("Content-Length", std::to_string(body.text.size()));
}

constexpr std::size_t piece_size = 64 * 1024;
constexpr const char* taking = "the server's taking of the request";

/// Sends a body that is made while it is sent.
task<void> send_source(stream* to, const http_request_body* body, std::chrono::milliseconds limit) {
    std::vector<std::byte> piece(piece_size);
    std::uint64_t sent = 0;
    for (;;) {
        const std::size_t size = co_await body->source(piece);
        const const_bytes data = const_bytes{piece}.first(size);
        sent += size;
        if (body->length && (sent > *body->length || (size == 0 && sent < *body->length)))
            throw error(errc::invalid, "the body of a request has not the {} bytes that were announced", *body->length);
        if (size == 0) break;
        if (body->length) {
            co_await within(limit, taking, to->write(data));
            if (sent == *body->length) co_return;
            continue;
        }
        std::array<char, 18> header;
        char* const end = std::to_chars(header.data(), header.data() + header.size() - 2, size, 16).ptr;
        std::copy_n("\r\n", 2, end);
        const std::array parts{as_bytes({header.data(), static_cast<std::size_t>(end + 2 - header.data())}), data,
                               as_bytes("\r\n")};
        co_await within(limit, taking, to->write_parts(parts));
    }
    if (!body->length) co_await within(limit, taking, to->write(as_bytes("0\r\n\r\n")));
}

/// `limit` is for each piece, not for the whole.
task<void> send_request(stream* to, const http_request_head* head, const http_request_body* body,
                        std::chrono::milliseconds limit) {
    std::string out;
    append_head(out, *head);
    const_bytes text = as_bytes(body->text);
    const auto next_piece = [&text] {
        const const_bytes piece = text.first(std::min(text.size(), piece_size));
        text = text.subspan(piece.size());
        return piece;
    };
    const std::array parts{as_bytes(out), next_piece()};
    co_await within(limit, taking, to->write_parts(parts));
    while (!text.empty()) co_await within(limit, taking, to->write(next_piece()));
    if (body->source) co_await send_source(to, body, limit);
}

/// Reads the head of the response that counts: not of an interim one.
task<void> read_response_head(detail::http_client_connection* connection, bool is_head) {
    for (;;) {
        connection->reader.parser().expect_no_body(is_head);
        if (!co_await connection->reader.read_head(*connection->stream))
            throw error(errc::unavailable, "the server has closed the connection without a response");
        const unsigned status = connection->reader.parser().response().status;
        if (status >= 200 || status == 101) co_return;
        connection->reader.next_message();
    }
}

/// What came of trying a request on one connection.
enum class attempt : std::uint8_t { answered, kept_connection_was_stale };

task<attempt> try_request(detail::http_client_connection* on, const http_request_head* head,
                          const http_request_body* body, const http_client_options* options) {
    std::optional<error> not_sent;
    try {
        co_await send_request(on->stream.get(), head, body, options->send_timeout);
    } catch (const error& e) {
        // A server that refuses a body may answer and close before it has read it.
        if (e.category() != errc::unavailable) throw;
        not_sent = e;
    }
    try {
        co_await within(options->head_timeout, "the server's answer",
                        read_response_head(on, head->method == http_method::head));
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
        const bool heard_nothing = !on->reader.parser().is_inside_message() && !on->reader.has_buffered();
        if (on->was_kept && heard_nothing && !body->source && is_idempotent(head->method))
            co_return attempt::kept_connection_was_stale;
        if (not_sent) throw *not_sent;
        throw;
    }
    co_return attempt::answered;
}

} // namespace

http_client_response::http_client_response(connection_ptr connection, http_response_head head)
    : connection_{std::move(connection)}, head_{std::move(head)} {}
http_client_response::http_client_response(http_client_response&&) noexcept = default;
http_client_response& http_client_response::operator=(http_client_response&&) noexcept = default;

http_client_response::~http_client_response() {
    if (!connection_ || !connection_->reader.is_complete() || connection_->reader.has_buffered()) return;
    if (!connection_->reader.parser().should_keep_alive() || head_.status == 101) return;
    if (const auto pool = connection_->pool.lock()) pool->give_back(std::move(connection_));
}

std::optional<std::uint64_t> http_client_response::content_length() const noexcept {
    const std::string_view text = head_.headers.get("Content-Length");
    std::uint64_t length = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return length;
}

task<std::size_t> http_client_response::read(bytes into) {
    return within(connection_->body_timeout, "the next bytes of a response",
                  connection_->reader.read_body(*connection_->stream, into));
}

task<std::string> http_client_response::read_all(std::size_t limit) {
    if (const auto length = content_length(); length && *length > limit && connection_->reader.parser().has_body())
        throw error(errc::too_large, "a response has {} bytes; at most {} are taken", *length, limit);
    std::string all;
    std::size_t size = 0;
    for (;;) {
        if (size == all.size()) all.resize(std::max<std::size_t>(4096, size * 2));
        const std::size_t got = co_await read(std::as_writable_bytes(std::span{all}).subspan(size));
        if (got == 0) break;
        size += got;
        if (size > limit) throw error(errc::too_large, "a response has more than the {} bytes that are taken", limit);
    }
    all.resize(size);
    co_return all;
}

const http_headers& http_client_response::trailers() const noexcept {
    return connection_->reader.parser().trailers();
}

stream_ptr http_client_response::hijack() {
    const bool has_length = head_.status == 204 || head_.headers.has("Content-Length");
    const bool is_raw =
        head_.status == 101 || (is_success() && !has_length && !connection_->reader.parser().is_chunked());
    if (!is_raw)
        throw error(errc::invalid, "the server has answered {} with a body of known length, not with a stream",
                    head_.status);
    return std::make_unique<hijacked_stream>(std::move(connection_->stream), connection_->reader.take_buffered());
}

http_client::http_client(http_connector connect, http_client_options options)
    : connect_{std::move(connect)}, options_{options}, pool_{std::make_shared<detail::http_client_pool>(options)} {}
http_client::~http_client() = default;

void http_client::close_idle() noexcept {
    pool_->clear();
}

task<http_client_response> http_client::request(http_origin origin, http_request_head head, http_request_body body) {
    complete_head(head, origin, body);
    try {
        for (;;) {
            connection_ptr connection = pool_->take(origin);
            // On a TLS session no look tells whether the server has left: what must not be done twice gets a new one.
            if (connection && !connection->is_plain_socket() && (body.source || !is_idempotent(head.method)))
                connection = nullptr;
            if (!connection)
                connection = std::make_unique<detail::http_client_connection>(
                    co_await within(options_.connect_timeout, "connecting", connect_(origin)), options_, origin, pool_);
            const attempt came = co_await try_request(connection.get(), &head, &body, &options_);
            if (came == attempt::kept_connection_was_stale) {
                pool_->clear(); // the others are as old
                continue;
            }
            http_response_head answer = std::move(connection->reader.parser().response());
            co_return http_client_response{std::move(connection), std::move(answer)};
        }
    } catch (error& e) {
        const std::string where = origin.scheme == "unix" ? origin.host : origin.scheme + "://" + host_header(origin);
        e.while_doing("{} {} at {}", to_string(head.method), split_target(head.target).path, where);
        throw;
    }
}

} // namespace davit::io
