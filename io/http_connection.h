#pragma once

#include <optional>
#include <string>

#include "core/cancellation.h"
#include "io/http_answer.h"
#include "io/http_reader.h"
#include "io/http_server.h"
#include "io/peer_watch.h"

namespace davit::io::detail {

/// One connection of the server: reads its requests one after another and runs the handler for each.
class http_connection {
  public:
    http_connection(stream_ptr stream, socket_address peer, const http_handler& handler,
                    const http_server_options& options);
    http_connection(const http_connection&) = delete;
    http_connection& operator=(const http_connection&) = delete;

    /// Serves it to its end. Errors: cancelled; what the peer does wrong is no error.
    task<void> run();

    // What http_exchange offers, for the present request.
    const http_request_head& head() noexcept { return reader_.parser().request(); }
    const socket_address& peer() const noexcept { return peer_; }
    std::optional<peer_credentials> credentials() const;
    task<std::size_t> read(bytes into);
    task<std::string> read_all(std::size_t limit);
    void limit_body(std::uint64_t limit) noexcept { body_limit_ = limit; }
    bool has_body() const noexcept { return reader_.parser().has_body(); }
    const http_headers& trailers() noexcept { return reader_.parser().trailers(); }
    task<void> respond(http_response_head head, std::string body);
    task<http_body_writer> begin_stream(http_response_head head);
    task<stream_ptr> hijack(http_response_head head);
    void cancel_on_disconnect();
    bool has_answered() const noexcept { return answer_.now() != http_answer::state::none; }

    // What http_body_writer offers.
    task<void> write(const_bytes data) { return answer_.write(data); }
    task<void> finish(http_headers trailers) { return answer_.finish(std::move(trailers)); }

  private:
    task<void> serve_requests();
    /// False when the connection has ended, or is to end.
    task<bool> read_request();
    task<void> answer_request();
    task<void> answer_failure(unsigned status, error failure);
    /// Reads what the handler has left of the body, if that is little; true when the next request may follow.
    task<bool> skip_body();
    /// Ends our direction and reads on for a moment, so that a reset can't overtake what we have sent.
    task<void> close_gently();

    /// A client that may or may not send the body that it announced can't be followed beyond the answer.
    void close_after_unread_body() noexcept;
    template <class T> task<T> within(std::chrono::milliseconds limit, const char* what, task<T> work);

    stream_ptr stream_;
    socket_address peer_;
    const http_handler& handler_;
    const http_server_options& options_;
    http_reader reader_;
    http_answer answer_;
    peer_watch watch_;
    cancellation* handler_cancellation_ = nullptr;
    bool wants_watch_ = false; // as soon as the body is read
    bool expects_continue_ = false;
    std::uint64_t body_limit_ = 0;
    std::uint64_t body_read_ = 0;
};

} // namespace davit::io::detail
