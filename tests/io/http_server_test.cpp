#include "io/http_server.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/event.h"
#include "core/log.h"
#include "core/timeout.h"
#include "io/http_client.h"
#include "io/url.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// What the handlers below tell the tests.
struct observed {
    event streaming;
    event cancelled;
    event torn;
    std::vector<std::string> targets;
};

http_response_head text_head(unsigned status = 200) {
    http_response_head head;
    head.status = status;
    head.headers.add("Content-Type", "text/plain");
    return head;
}

task<void> echo_raw(stream_ptr raw) {
    std::string piece(1024, '\0');
    for (;;) {
        const std::size_t got = co_await raw->read(std::as_writable_bytes(std::span{piece}));
        if (got == 0) break;
        co_await raw->write(as_bytes(std::string_view{piece}.substr(0, got)));
    }
    co_await write_text(raw.get(), "bye");
    co_await raw->shutdown_write();
}

task<void> stream_for_ever(http_exchange* exchange, observed* seen) {
    http_body_writer body = co_await exchange->begin_stream(text_head());
    try {
        co_await body.write("started\n");
        seen->streaming.set();
        event never;
        co_await never.wait();
    } catch (const error& e) {
        if (e.category() == errc::cancelled) seen->cancelled.set();
        throw;
    }
}

/// Gives a write up in its middle, and ends the body as if nothing had happened.
task<void> tear_a_write(http_exchange* exchange, observed* seen) {
    http_body_writer body = co_await exchange->begin_stream(text_head());
    const std::string more_than_buffers_hold(16 << 20, 'x');
    const error given_up = co_await failure_of(with_timeout(5ms, "writing", body.write(more_than_buffers_hold)));
    EXPECT_EQ(given_up.category(), errc::timed_out);
    seen->torn.set();
    co_await body.finish();
}

task<void> answer(http_exchange* exchange, observed* seen) {
    const std::string target = exchange->head().target;
    seen->targets.push_back(target);
    if (target == "/hello") {
        co_await exchange->respond(text_head(), "hello");
    } else if (target == "/echo") {
        co_await exchange->respond(text_head(), co_await exchange->read_all(1 << 20));
    } else if (target == "/small") {
        co_await exchange->respond(text_head(), co_await exchange->read_all(10));
    } else if (target == "/stream") {
        http_body_writer body = co_await exchange->begin_stream(text_head());
        for (const char* word : {"one ", "two ", "three"}) co_await body.write(word);
        http_headers trailers;
        trailers.add("X-Count", "3");
        co_await body.finish(trailers);
    } else if (target == "/known-length") {
        http_response_head head = text_head();
        head.headers.add("Content-Length", "6");
        http_body_writer body = co_await exchange->begin_stream(std::move(head));
        co_await body.write("abc");
        co_await body.write("def");
        co_await body.finish();
    } else if (target == "/forever") {
        co_await stream_for_ever(exchange, seen);
    } else if (target == "/torn") {
        co_await tear_a_write(exchange, seen);
    } else if (target == "/broken-stream") {
        http_body_writer body = co_await exchange->begin_stream(text_head());
        co_await body.write("some");
        throw error(errc::internal, "in the middle");
    } else if (target == "/fail") {
        throw error(errc::conflict, "it is in use");
    } else if (target == "/foreign?key=1") {
        throw std::runtime_error("memory ran out");
    } else if (target == "/forget") {
        co_return;
    } else if (target == "/nothing") {
        co_await exchange->respond(http_response_head{.status = 204, .headers = {}});
    } else if (target == "/attach") {
        http_response_head head;
        const bool upgrades = exchange->asks_for_upgrade("tcp");
        head.status = upgrades ? 101 : 200;
        head.reason = upgrades ? "UPGRADED" : "OK";
        head.headers.add("Content-Type", "application/vnd.docker.raw-stream");
        if (upgrades) {
            head.headers.add("Connection", "Upgrade");
            head.headers.add("Upgrade", "tcp");
        }
        co_await echo_raw(co_await exchange->hijack(std::move(head)));
    } else {
        co_await exchange->respond(text_head(404), "no such page");
    }
}

/// A server of `answer` on a unix socket and on TCP, which runs while a client's coroutine does.
class http_server_test : public ::testing::Test {
  protected:
    template <class Client> void run(Client client) {
        loop_.run([](http_server_test* self, Client body) -> task<void> {
            self->unix_listener_ = co_await listen_unix(self->directory_ / "s", 0600);
            self->tcp_listener_ = co_await listen_tcp("127.0.0.1", 0);
            co_await with_scope([&](scope& servers) -> task<void> {
                const http_handler handler = [self](http_exchange& exchange) {
                    return answer(&exchange, &self->seen_);
                };
                servers.spawn(serve(*self->unix_listener_, handler, self->options_));
                servers.spawn(serve(*self->tcp_listener_, handler, self->options_));
                co_await with_timeout(20s, "the test", body());
                servers.cancel();
            });
            self->unix_listener_.reset();
            self->tcp_listener_.reset();
        }(this, client));
    }

    task<stream_ptr> connect() { co_return co_await connect_unix(directory_ / "s"); }
    task<stream_ptr> connect_by_tcp() {
        dialled made = co_await connect_tcp("127.0.0.1", tcp_listener_->address().port());
        co_return std::move(made.connection);
    }
    /// Sends `text`, ends our direction, and gives all that comes back.
    task<std::string> exchange(std::string text) {
        const stream_ptr connection = co_await connect();
        co_return co_await with_scope([&](scope& sides) -> task<std::string> {
            sides.spawn(write_and_end(connection.get(), std::move(text)));
            co_return co_await read_to_end(connection.get());
        });
    }

    scratch_directory directory_;
    loop loop_;
    listener_ptr unix_listener_;
    listener_ptr tcp_listener_;
    http_server_options options_;
    observed seen_;
};

std::string request(std::string_view method, std::string_view target, std::string_view headers = {},
                    std::string_view body = {}) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n{}\r\n{}", method, target, headers, body);
}

TEST_F(http_server_test, answers_pipelined_requests_in_order_on_one_connection) {
    run([&]() -> task<void> {
        const std::string got = co_await exchange(
            request("GET", "/hello") + request("POST", "/echo", "Content-Length: 3\r\n", "abc") +
            request("POST", "/echo", "Transfer-Encoding: chunked\r\n", "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n") +
            request("GET", "/nothing") + request("GET", "/absent"));
        EXPECT_THAT(got, ::testing::MatchesRegex(".*\r\n\r\nhelloHTTP/1.1 200 OK.*\r\n\r\nabcHTTP/1.1 200 OK"
                                                 ".*\r\n\r\ndefHTTP/1.1 204 No Content.*\r\n\r\nHTTP/1.1 404 Not Found"
                                                 ".*\r\n\r\nno such page"));
        EXPECT_THAT(got, HasSubstr("Content-Length: 5\r\n"));
        EXPECT_THAT(got, HasSubstr("\r\nDate: "));
        EXPECT_THAT(got, Not(HasSubstr("Connection: close")));
    });
}

TEST_F(http_server_test, streams_in_chunks_with_trailers_or_with_a_known_length) {
    run([&]() -> task<void> {
        const std::string chunked = co_await exchange(request("GET", "/stream"));
        EXPECT_THAT(chunked, HasSubstr("Transfer-Encoding: chunked\r\n"));
        EXPECT_THAT(chunked, EndsWith("\r\n\r\n4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\nX-Count: 3\r\n\r\n"));
        const std::string known = co_await exchange(request("GET", "/known-length"));
        EXPECT_THAT(known, HasSubstr("Content-Length: 6\r\n"));
        EXPECT_THAT(known, Not(HasSubstr("chunked")));
        EXPECT_THAT(known, EndsWith("\r\n\r\nabcdef"));
    });
}

TEST_F(http_server_test, answers_head_without_a_body_and_old_clients_without_chunks) {
    run([&]() -> task<void> {
        const std::string head = co_await exchange(request("HEAD", "/hello") + request("HEAD", "/stream"));
        EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
        EXPECT_THAT(head, ::testing::MatchesRegex("HTTP/1.1 200 OK\r\n.*\r\n\r\nHTTP/1.1 200 OK\r\n.*\r\n\r\n"));
        EXPECT_THAT(head, Not(HasSubstr("hello")));
        EXPECT_THAT(head, Not(HasSubstr("one")));
        const std::string old = co_await exchange("GET /stream HTTP/1.0\r\n\r\n");
        EXPECT_THAT(old, HasSubstr("Connection: close\r\n"));
        EXPECT_THAT(old, EndsWith("\r\n\r\none two three"));
        const std::string kept =
            co_await exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n");
        EXPECT_THAT(kept, HasSubstr("Connection: keep-alive\r\n"));
        EXPECT_THAT(kept, EndsWith("Connection: close\r\nDate: " + kept.substr(kept.rfind("Date: ") + 6)));
    });
}

TEST_F(http_server_test, refuses_bad_requests_closes_and_never_runs_what_is_hidden_behind_them) {
    run([&]() -> task<void> {
        const std::string hidden = request("GET", "/hidden");
        for (const std::string& bad :
             {request("POST", "/echo", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
              request("POST", "/echo", "Content-Length : 3\r\n", "abc"), request("GET", "/a", "X: a\r\n b\r\n"),
              request("GET", "/a", "X: a\n"), std::string{"GET /a HTTP/1.1\r\n\r\n"}, std::string{"\x16\x03\x01\x02"},
              std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}}) {
            const std::string got = co_await exchange(bad + hidden);
            EXPECT_THAT(got, ::testing::MatchesRegex("HTTP/1.1 (400|505) .*Connection: close\r\n.*")) << bad;
            EXPECT_EQ(got.find("HTTP/1.1", 1), std::string::npos) << bad;
        }
        EXPECT_THAT(co_await exchange(request("GET", "/" + std::string(9000, 'x'))), StartsWith("HTTP/1.1 414"));
        EXPECT_THAT(co_await exchange(request("GET", "/", "X: " + std::string(70'000, 'x') + "\r\n")),
                    StartsWith("HTTP/1.1 431"));
        EXPECT_THAT(co_await exchange(request("POST", "/echo", "Transfer-Encoding: chunked\r\n", "zz\r\n") + hidden),
                    StartsWith("HTTP/1.1 400"));
        EXPECT_THAT(seen_.targets, ::testing::Each("/echo"));
    });
}

TEST_F(http_server_test, bounds_bodies_by_length_and_by_what_arrives) {
    run([&]() -> task<void> {
        EXPECT_THAT(co_await exchange(request("POST", "/small", "Content-Length: 10\r\n", "0123456789")),
                    EndsWith("\r\n\r\n0123456789"));
        EXPECT_THAT(co_await exchange(request("POST", "/small", "Content-Length: 11\r\n", "01234567890")),
                    StartsWith("HTTP/1.1 413"));
        EXPECT_THAT(co_await exchange(request("POST", "/small", "Transfer-Encoding: chunked\r\n",
                                              "6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n")),
                    StartsWith("HTTP/1.1 413"));
        const std::string large(300'000, 'z');
        const std::string got =
            co_await exchange(request("POST", "/echo", fmt::format("Content-Length: {}\r\n", large.size()), large) +
                              request("POST", "/echo", "Transfer-Encoding: chunked\r\n",
                                      fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", large.size(), large)));
        EXPECT_THAT(got, EndsWith("\r\n\r\n" + large));
        EXPECT_EQ(std::accumulate(got.begin(), got.end(), 0, [](int n, char c) { return n + (c == 'z'); }), 600'000);
    });
}

TEST_F(http_server_test, reads_on_after_a_body_that_the_handler_did_not_read) {
    run([&]() -> task<void> {
        const std::string got = co_await exchange(request("POST", "/hello", "Content-Length: 9\r\n", "not read!") +
                                                  request("GET", "/absent"));
        EXPECT_THAT(got, EndsWith("no such page"));
        EXPECT_THAT(seen_.targets, ::testing::ElementsAre("/hello", "/absent"));
    });
}

TEST_F(http_server_test, sends_100_continue_only_when_the_body_is_wanted) {
    run([&]() -> task<void> {
        const stream_ptr wanted = co_await connect();
        const std::string expects = "Content-Length: 2\r\nExpect: 100-continue\r\n";
        co_await write_text(wanted.get(), request("POST", "/echo", expects));
        EXPECT_EQ(co_await read_until(wanted.get(), "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        co_await write_text(wanted.get(), "ok");
        EXPECT_THAT(co_await read_until(wanted.get(), "ok"), EndsWith("\r\n\r\nok"));

        const stream_ptr unwanted = co_await connect();
        co_await write_text(unwanted.get(), request("POST", "/hello", expects));
        const std::string got = co_await read_to_end(unwanted.get());
        EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK"));
        EXPECT_THAT(got, HasSubstr("Connection: close"));
    });
}

TEST_F(http_server_test, tells_what_a_handler_threw_and_breaks_a_begun_stream_off_visibly) {
    options_.describe_failure = [](unsigned status, const error& failure) {
        http_response response;
        response.head.status = failure.category() == errc::conflict ? 409 : status;
        response.body = "{" + failure.text() + "}";
        return response;
    };
    run([&]() -> task<void> {
        const std::string got = co_await exchange(request("GET", "/fail") + request("GET", "/forget"));
        EXPECT_THAT(got, StartsWith("HTTP/1.1 409 Conflict"));
        EXPECT_THAT(got, HasSubstr("{it is in use}HTTP/1.1 500 Internal"));
        EXPECT_THAT(co_await exchange(request("GET", "/broken-stream")), EndsWith("\r\n\r\n4\r\nsome\r\n"));
    });
}

TEST_F(http_server_test, breaks_off_after_a_write_that_was_given_up_in_its_middle) {
    run([&]() -> task<void> {
        const stream_ptr client = co_await connect();
        co_await write_text(client.get(), request("GET", "/torn", "Connection: close\r\n"));
        co_await seen_.torn.wait();
        EXPECT_THAT(co_await read_to_end(client.get()), EndsWith("xxxx"));
    });
}

TEST_F(http_server_test, logs_what_goes_wrong_in_a_handler_by_no_error_of_ours) {
    static std::vector<std::string> lines;
    log::set_sink([](log::level, std::string_view line) { lines.emplace_back(line); }, log::level::error);
    run([&]() -> task<void> {
        for (const char* target : {"/foreign?key=1", "/forget", "/fail"})
            EXPECT_THAT(co_await exchange(request("GET", target)), StartsWith("HTTP/1.1 500")) << target;
    });
    log::set_sink(nullptr, log::level::warn);
    EXPECT_THAT(lines, ::testing::ElementsAre("GET /foreign: memory ran out",
                                              "GET /forget: the request was handled and not answered"));
}

TEST_F(http_server_test, outlives_a_connection_that_fails_in_a_foreign_way) {
    options_.describe_failure = [](unsigned, const error&) -> http_response { throw std::runtime_error("foreign"); };
    run([&]() -> task<void> {
        EXPECT_EQ(co_await exchange(request("GET", "/fail")), "");
        EXPECT_THAT(co_await exchange(request("GET", "/hello")), EndsWith("hello"));
    });
}

/// A peer that sends `input` and is then silent for ever, and the largest buffer that it was given to fill.
class scripted_peer final : public stream {
  public:
    scripted_peer(std::string input, std::size_t* largest_read)
        : input_{std::move(input)}, largest_read_{largest_read} {}

    task<std::size_t> read(bytes into) override {
        *largest_read_ = std::max(*largest_read_, into.size());
        const std::size_t size = std::min(into.size(), input_.size() - used_);
        std::copy_n(as_bytes(input_).data() + used_, size, into.data());
        used_ += size;
        co_return size;
    }
    task<void> write(const_bytes) override { co_return; }
    task<void> shutdown_write() override { co_await never_.wait(); }

  private:
    std::string input_;
    std::size_t* largest_read_;
    std::size_t used_ = 0;
    event never_;
};

TEST_F(http_server_test, keeps_no_memory_for_a_body_that_was_only_announced) {
    std::size_t largest_read = 0;
    auto peer =
        std::make_unique<scripted_peer>(request("POST", "/echo", "Content-Length: 1048576\r\n", "some"), &largest_read);
    const http_handler handler = [this](http_exchange& exchange) { return answer(&exchange, &seen_); };
    loop_.run(with_timeout(20s, "the test", serve_connection(std::move(peer), {}, handler, options_)));
    EXPECT_EQ(seen_.targets.size(), 1u);
    EXPECT_LE(largest_read, 64u * 1024);
}

TEST_F(http_server_test, waits_a_moment_only_for_a_peer_that_does_not_let_it_say_goodbye) {
    std::size_t largest_read = 0;
    auto peer = std::make_unique<scripted_peer>(request("GET", "/hello", "Connection: close\r\n"), &largest_read);
    const http_handler handler = [this](http_exchange& exchange) { return answer(&exchange, &seen_); };
    loop_.run(with_timeout(20s, "the test", serve_connection(std::move(peer), {}, handler, options_)));
    EXPECT_EQ(seen_.targets.size(), 1u);
}

TEST_F(http_server_test, cancels_a_streaming_handler_when_its_client_goes_away) {
    run([&]() -> task<void> {
        stream_ptr client = co_await connect();
        co_await write_text(client.get(), request("GET", "/forever"));
        co_await seen_.streaming.wait();
        EXPECT_THAT(co_await read_until(client.get(), "started\n"), EndsWith("started\n"));
        client.reset();
        co_await seen_.cancelled.wait();
    });
}

TEST_F(http_server_test, keeps_requests_that_arrive_while_it_streams) {
    run([&]() -> task<void> {
        const stream_ptr client = co_await connect();
        co_await write_text(client.get(), request("GET", "/stream"));
        co_await write_text(client.get(), request("GET", "/hello"));
        EXPECT_THAT(co_await read_until(client.get(), "hello"), EndsWith("\r\n\r\nhello"));
    });
}

TEST_F(http_server_test, hands_over_a_hijacked_connection_with_what_was_read_ahead_and_half_close) {
    run([&]() -> task<void> {
        const std::string upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
        EXPECT_EQ(co_await exchange(request("POST", "/attach", upgrade, "early ") + "late"),
                  "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                  "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly latebye");
        EXPECT_EQ(co_await exchange(request("POST", "/attach", {}, "raw")),
                  "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nrawbye");
    });
}

TEST_F(http_server_test, ends_idle_and_slow_connections_on_tcp_only) {
    options_.idle_timeout = 20ms;
    options_.header_timeout = 40ms;
    run([&]() -> task<void> {
        const stream_ptr idle = co_await connect_by_tcp();
        EXPECT_EQ(co_await read_to_end(idle.get()), "");
        const stream_ptr slow = co_await connect_by_tcp();
        co_await write_text(slow.get(), "GET /hello HTT");
        EXPECT_THAT(co_await read_to_end(slow.get()), StartsWith("HTTP/1.1 408 "));
        const stream_ptr local = co_await connect();
        co_await write_text(local.get(), "GET /hello HTT");
        co_await sleep_for(60ms);
        co_await write_text(local.get(), "P/1.1\r\nHost: x\r\n\r\n");
        EXPECT_THAT(co_await read_until(local.get(), "hello"), EndsWith("\r\n\r\nhello"));
    });
}

TEST_F(http_server_test, keeps_a_reserve_of_connections_for_the_local_socket) {
    options_.budget = std::make_shared<http_connection_budget>(3, 1);
    run([&]() -> task<void> {
        std::vector<stream_ptr> remote;
        for (int i = 0; i < 2; ++i) {
            remote.push_back(co_await connect_by_tcp());
            co_await write_text(remote.back().get(), request("GET", "/hello"));
            EXPECT_THAT(co_await read_until(remote.back().get(), "hello"), EndsWith("hello"));
        }
        const stream_ptr third = co_await connect_by_tcp();
        EXPECT_EQ(co_await read_to_end(third.get()), "");
        EXPECT_THAT(co_await exchange(request("GET", "/hello")), EndsWith("hello"));
        remote.clear();
        while (options_.budget->open() > 0) co_await sleep_for(1ms);
    });
}

TEST_F(http_server_test, leaves_nothing_behind_of_clients_that_drop_their_requests) {
    const std::size_t descriptors = open_descriptors();
    const std::size_t handles = loop_.open_handles();
    run([&]() -> task<void> {
        for (int round = 0; round < 100; ++round) {
            for (const std::string& begun :
                 {std::string{}, std::string{"GET /hel"}, request("POST", "/echo", "Content-Length: 9\r\n", "abc"),
                  request("POST", "/echo", "Transfer-Encoding: chunked\r\n", "4\r\nab"), request("GET", "/forever"),
                  request("GET", "/stream"), request("POST", "/attach", {}, "raw")}) {
                const stream_ptr client = round % 2 ? co_await connect() : co_await connect_by_tcp();
                co_await write_text(client.get(), begun);
                if (round % 3 == 0) co_await sleep_for(100us);
            }
        }
    });
    loop_.run([]() -> task<void> { co_await sleep_for(2ms); }()); // closing callbacks
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(loop_.open_handles(), handles);
}

} // namespace
} // namespace davit::io
