#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>

#include "core/cancellation.h"
#include "core/event.h"
#include "core/scope.h"
#include "io/http_reader.h"
#include "io/http_server.h"

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
    bool has_answered() const noexcept { return answer_ != answer::none; }

    // What http_body_writer offers.
    task<void> write(const_bytes data);
    task<void> finish(http_headers trailers);

  private:
    enum class answer : std::uint8_t { none, whole, streaming, streamed, hijacked };
    enum class framing : std::uint8_t { none, length, chunked, until_close };

    task<void> serve_requests();
    /// False when the connection has ended, or is to end.
    task<bool> read_request();
    task<void> answer_request();
    task<void> answer_failure(unsigned status, error failure);
    /// Reads what the handler has left of the body, if that is little; true when the next request may follow.
    task<bool> skip_body();
    /// Ends our direction and reads on for a moment, so that a reset can't overtake what we have sent.
    task<void> close_gently();

    void begin_answer(answer with, http_response_head& head);
    /// Writes to the peer. What is given up or fails in its middle leaves it with a part: nothing may follow then.
    task<void> send(std::span<const const_bytes> parts);
    /// Reads ahead and cancels the handler at the end of the flow.
    task<void> watch();
    task<void> read_ahead();
    task<void> stop_watching();
    template <class T> task<T> within(std::chrono::milliseconds limit, const char* what, task<T> work);

    stream_ptr stream_;
    socket_address peer_;
    const http_handler& handler_;
    const http_server_options& options_;
    http_reader reader_;
    std::string out_; // keeps its allocation from response to response

    scope* watchers_ = nullptr;
    cancellation* handler_cancellation_ = nullptr;
    std::optional<cancellation> watch_cancellation_;
    event watch_ended_;
    bool wants_watch_ = false;
    bool is_watching_ = false;
    bool peer_is_gone_ = false;
    bool is_torn_ = false; // a write did not come to its end

    answer answer_ = answer::none;
    framing framing_ = framing::none;
    std::uint64_t length_left_ = 0; // of a streamed body with a length
    bool keep_alive_ = true;
    bool expects_continue_ = false;
    std::uint64_t body_limit_ = 0;
    std::uint64_t body_read_ = 0;
};

} // namespace davit::io::detail
