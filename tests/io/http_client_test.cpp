#include "io/http_client.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/timeout.h"
#include "io/http_server.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// One end of a connection that the client has made: the test plays the server by hand.
using script = std::function<task<void>(stream*, std::size_t connection)>;

struct scripted_server {
    std::size_t connections = 0;
    std::string received;
};

task<void> play(std::unique_ptr<fd_stream> connection, std::size_t number, const script* lines) {
    try {
        co_await (*lines)(connection.get(), number);
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
    }
}

task<void> accept_all(listener* from, scripted_server* state, const script* lines) {
    co_await with_scope([&](scope& connections) -> task<void> {
        for (;;) {
            accepted got = co_await from->accept();
            connections.spawn(play(std::move(got.connection), state->connections++, lines));
        }
    });
}

class http_client_test : public ::testing::Test {
  protected:
    /// Runs `body` while a server answers every connection with `lines`.
    template <class Body> void run(script lines, Body body) {
        loop_.run([](http_client_test* self, const script* answers, Body client) -> task<void> {
            const listener_ptr open = co_await listen_unix(self->directory_ / "s", 0600);
            co_await with_scope([&](scope& servers) -> task<void> {
                servers.spawn(accept_all(open.get(), &self->server_, answers));
                co_await with_timeout(20s, "the test", client());
                self->client_.close_idle();
                servers.cancel();
            });
        }(this, &lines, body));
    }

    task<http_client_response> send(http_method method, std::string target, http_request_body body = {}) {
        http_request_head head;
        head.method = method;
        head.target = std::move(target);
        return client_.request({"unix", directory_ / "s", 0}, std::move(head), std::move(body));
    }
    task<http_client_response> get(std::string target = "/") { return send(http_method::get, std::move(target)); }

    scratch_directory directory_;
    loop loop_;
    scripted_server server_;
    http_client client_{make_connector(),
                        http_client_options{.send_timeout = 100ms, .head_timeout = 100ms, .body_timeout = 100ms}};
};

/// Answers each request of a connection with the same text.
script always(std::string response) {
    return [response](stream* with, std::size_t) -> task<void> {
        return [](stream* to, std::string text) -> task<void> {
            while (!(co_await read_until(to, "\r\n\r\n")).empty()) co_await write_text(to, text);
        }(with, response);
    };
}
/// Answers one request and closes.
script once(std::string response) {
    return [response](stream* with, std::size_t) -> task<void> {
        return [](stream* to, std::string text) -> task<void> {
            co_await read_until(to, "\r\n\r\n");
            co_await write_text(to, text);
        }(with, response);
    };
}

TEST_F(http_client_test, uses_one_connection_again_for_whole_responses_only) {
    run(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), [&]() -> task<void> {
        for (int i = 0; i < 3; ++i) {
            http_client_response response = co_await get();
            EXPECT_EQ(response.content_length(), 5u);
            EXPECT_EQ(co_await response.read_all(100), "hello");
        }
        EXPECT_EQ(server_.connections, 1u);
        {
            const http_client_response dropped = co_await get();
        }
        EXPECT_EQ(co_await (co_await get()).read_all(5), "hello");
        EXPECT_EQ(server_.connections, 2u);
        http_client_response bounded = co_await get();
        EXPECT_EQ((co_await failure_of(bounded.read_all(4))).category(), errc::too_large);
    });
}

TEST_F(http_client_test, reads_chunks_trailers_and_bodies_that_end_with_the_connection) {
    run(once("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"),
        [&]() -> task<void> {
            http_client_response response = co_await get();
            EXPECT_EQ(co_await response.read_all(100), "abcde");
            EXPECT_EQ(response.trailers().get("x-sum"), "1");
        });
    run(once("HTTP/1.0 200 OK\r\n\r\nall of it"),
        [&]() -> task<void> { EXPECT_EQ(co_await (co_await get()).read_all(100), "all of it"); });
}

TEST_F(http_client_test, tells_a_broken_off_body_from_a_whole_one) {
    for (const char* cut : {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"})
        run(once(cut), [&]() -> task<void> {
            http_client_response response = co_await get();
            EXPECT_EQ((co_await failure_of(response.read_all(100))).category(), errc::unavailable);
        });
}

TEST_F(http_client_test, takes_no_body_after_head_and_204) {
    run(always("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), [&]() -> task<void> {
        for (int i = 0; i < 2; ++i) {
            http_client_response response = co_await send(http_method::head, "/");
            EXPECT_EQ(response.content_length(), 500u);
            EXPECT_EQ(co_await response.read_all(10), "");
        }
        EXPECT_EQ(server_.connections, 1u);
    });
}

TEST_F(http_client_test, refuses_what_is_no_clear_http) {
    for (const char* bad :
         {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
          "HTTP/2.0 200 OK\r\n\r\n"})
        run(once(bad), [&]() -> task<void> {
            const error failed = co_await failure_of(get("/path?token=secret"));
            EXPECT_EQ(failed.category(), errc::invalid) << bad;
            EXPECT_THAT(failed.text(), StartsWith("GET /path at " + directory_ / "s")) << "and not the query";
        });
    run(once("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"),
        [&]() -> task<void> { EXPECT_EQ((co_await failure_of(get())).category(), errc::too_large); });
}

TEST_F(http_client_test, tries_once_more_when_a_kept_connection_was_closed_but_never_posts_twice) {
    std::vector<std::string> methods;
    const script closes_at_the_second = [&](stream* with, std::size_t) -> task<void> {
        return [](stream* on, std::vector<std::string>* seen) -> task<void> {
            seen->push_back((co_await read_until(on, "\r\n\r\n")).substr(0, 4));
            co_await write_text(on, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            seen->push_back((co_await read_until(on, "\r\n\r\n")).substr(0, 4));
        }(with, &methods);
    };
    run(closes_at_the_second, [&]() -> task<void> {
        EXPECT_EQ((co_await get()).status(), 200u);
        EXPECT_EQ((co_await get()).status(), 200u);
        EXPECT_EQ(server_.connections, 2u);
        EXPECT_EQ((co_await failure_of(send(http_method::post, "/"))).category(), errc::unavailable);
        EXPECT_EQ(server_.connections, 2u);
    });
    EXPECT_THAT(methods, ::testing::ElementsAre("GET ", "GET ", "GET ", "POST"));
}

TEST_F(http_client_test, gives_up_on_a_silent_server) {
    run(always(""), [&]() -> task<void> { EXPECT_EQ((co_await failure_of(get())).category(), errc::timed_out); });
    run(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome"), [&]() -> task<void> {
        http_client_response response = co_await get();
        EXPECT_EQ((co_await failure_of(response.read_all(100))).category(), errc::timed_out);
    });
}

TEST_F(http_client_test, gives_up_on_a_server_that_takes_no_body_but_not_on_a_body_that_is_slow_to_come) {
    const script deaf = [](stream*, std::size_t) -> task<void> {
        return []() -> task<void> { co_await sleep_for(1h); }();
    };
    const auto endless = [](bytes into) -> task<std::size_t> {
        return [](std::size_t size) -> task<std::size_t> { co_return size; }(into.size());
    };
    run(deaf, [&]() -> task<void> {
        const std::string large(5'000'000, 'x');
        EXPECT_EQ((co_await failure_of(send(http_method::put, "/", large))).category(), errc::timed_out);
        EXPECT_EQ((co_await failure_of(send(http_method::put, "/", {endless, std::nullopt}))).category(),
                  errc::timed_out);
    });
    int pieces = 0;
    const auto slow = [&pieces](bytes) -> task<std::size_t> {
        return [](int* left) -> task<std::size_t> {
            co_await sleep_for(150ms);
            co_return (*left)++ < 2 ? 1u : 0u;
        }(&pieces);
    };
    run(always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), [&]() -> task<void> {
        http_client_response response = co_await send(http_method::put, "/", {slow, std::nullopt});
        EXPECT_EQ(response.status(), 200u);
    });
}

TEST_F(http_client_test, takes_a_connection_over_after_101_or_a_body_without_length) {
    for (const char* head :
         {"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"})
        run(
            [head](stream* with, std::size_t) -> task<void> {
                return [](stream* on, std::string answer) -> task<void> {
                    co_await read_until(on, "\r\n\r\n");
                    co_await write_text(on, answer + "early ");
                    co_await write_text(on, co_await read_to_end(on));
                }(with, head);
            },
            [&]() -> task<void> {
                http_client_response response = co_await send(http_method::post, "/attach");
                const stream_ptr raw = response.hijack();
                co_await write_text(raw.get(), "late");
                co_await raw->shutdown_write();
                EXPECT_EQ(co_await read_to_end(raw.get()), "early late");
            });
    for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
                               "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"})
        run(once(answer), [&]() -> task<void> {
            http_client_response response = co_await get();
            EXPECT_THROW(response.hijack(), error) << answer;
        });
}

TEST_F(http_client_test, sends_bodies_of_known_and_unknown_length) {
    std::string request;
    const script records = [&](stream* with, std::size_t) -> task<void> {
        return [](stream* on, std::string* into) -> task<void> {
            *into = co_await read_until(on, "end!\r\n0\r\n\r\n");
            co_await write_text(on, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }(with, &request);
    };
    run(records, [&]() -> task<void> {
        int pieces = 0;
        const auto more = [&](bytes into) -> task<std::size_t> {
            return [](bytes to, int* count) -> task<std::size_t> {
                static constexpr std::string_view parts[]{"first ", "end!", ""};
                const std::string_view part = parts[(*count)++];
                std::copy_n(as_bytes(part).data(), part.size(), to.data());
                co_return part.size();
            }(into, &pieces);
        };
        EXPECT_EQ((co_await send(http_method::put, "/b", http_request_body{more, std::nullopt})).status(), 200u);
    });
    EXPECT_THAT(
        request,
        StartsWith("PUT /b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n4\r\nend!"));
}

TEST_F(http_client_test, hears_the_answer_of_a_server_that_does_not_read_the_whole_body) {
    run(
        [](stream* with, std::size_t) -> task<void> {
            return [](stream* on) -> task<void> {
                co_await read_until(on, "\r\n\r\n");
                co_await write_text(on, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig!");
                co_await on->shutdown_write();
            }(with);
        },
        [&]() -> task<void> {
            http_client_response response = co_await send(http_method::post, "/", std::string(5'000'000, 'x'));
            EXPECT_EQ(response.status(), 413u);
        });
}

} // namespace
} // namespace davit::io
