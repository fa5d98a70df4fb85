#include "io/http_parser.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::io {
namespace {

using kind = http_parser::kind;
using parsed = http_parser::event;

std::string_view as_text(const_bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Feeds `input` in pieces of `piece` bytes and writes down what the parser tells.
std::string events_of(kind of, std::string_view input, std::size_t piece = std::string_view::npos,
                      http_limits limits = {}) {
    http_parser parser{of, limits};
    std::string told;
    try {
        for (std::size_t at = 0; at < input.size();) {
            const auto some = input.substr(at, piece);
            std::size_t used = 0;
            for (;;) {
                const auto step = parser.next(as_bytes(some.substr(used)));
                used += step.consumed;
                if (step.what == parsed::need_input) break;
                if (step.what == parsed::head && of == kind::request)
                    told += std::string{to_string(parser.request().method)} + " " + parser.request().target + "|";
                if (step.what == parsed::head && of == kind::response)
                    told += std::to_string(parser.response().status) + " " + parser.response().reason + "|";
                if (step.what == parsed::body) told += as_text(step.data);
                if (step.what == parsed::end) {
                    for (const auto f : parser.trailers())
                        told += "(" + std::string{f.name} + "=" + std::string{f.value} + ")";
                    told += "|end|";
                    parser.reset();
                }
            }
            at += some.size();
        }
        told += parser.finish() ? "clean" : "broken off";
    } catch (const http_error& e) {
        told += "refused " + std::to_string(e.status());
    }
    return told;
}

std::string request(std::string_view input) {
    return events_of(kind::request, input);
}

TEST(http_parser, tells_head_body_and_end_of_pipelined_requests_however_they_are_cut) {
    const std::string_view input = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                                   "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n"
                                   "DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string expected = "GET /a?b=c||end|POST /b|hello|end|PUT /c|abcde(X-Sum=9)|end|DELETE /d||end|clean";
    for (std::size_t piece = 1; piece <= input.size(); ++piece)
        EXPECT_EQ(events_of(kind::request, input, piece), expected) << "in pieces of " << piece;
}

TEST(http_parser, reads_headers_in_order_without_blanks_around_values_and_finds_them_in_any_case) {
    http_parser parser{kind::request, {}};
    const auto step = parser.next(as_bytes(
        "GET / HTTP/1.1\r\nHost: x\r\nAccept:  a \t\r\nX-Empty:\r\naccept: b\r\nConnection: Keep, Upgrade\r\n\r\n"));
    ASSERT_EQ(step.what, parsed::head);
    const http_headers& headers = parser.request().headers;
    EXPECT_EQ(headers.get("HOST"), "x");
    EXPECT_EQ(headers.get("accept"), "a");
    EXPECT_EQ(headers.count("Accept"), 2u);
    EXPECT_EQ(headers.find("x-empty"), "");
    EXPECT_EQ(headers.find("absent"), std::nullopt);
    EXPECT_TRUE(headers.has_token("connection", "upgrade"));
    EXPECT_FALSE(headers.has_token("connection", "up"));
    EXPECT_EQ(headers[3].name, "accept");
}

TEST(http_parser, takes_an_address_for_its_path_and_its_host_for_the_field) {
    http_parser parser{kind::request, {}};
    const auto step = parser.next(as_bytes("GET HTTP://Named:8080/a%2Fb?c=d HTTP/1.1\r\nHost: other\r\n\r\n"));
    ASSERT_EQ(step.what, parsed::head);
    EXPECT_EQ(parser.request().target, "/a%2Fb?c=d");
    EXPECT_EQ(parser.request().headers.get("Host"), "named:8080");
    EXPECT_EQ(parser.request().headers.count("Host"), 1u);
    EXPECT_EQ(request("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /||end|clean");
    EXPECT_EQ(request("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), "OPTIONS *||end|clean");
    for (const std::string bad : {"ftp://x/", "http://", "http:///a", "http://x:99999/", "http:/a"})
        EXPECT_EQ(request("GET " + bad + " HTTP/1.1\r\nHost: x\r\n\r\n"), "refused 400") << bad;
}

TEST(http_parser, refuses_ambiguous_framing) {
    const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
    for (const std::string& bad : {
             post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
             post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
             post + "Content-Length: 3, 3\r\n\r\nabc",
             post + "Content-Length: +3\r\n\r\nabc",
             post + "Content-Length: -1\r\n\r\n",
             post + "Content-Length: 18446744073709551616\r\n\r\n",
             post + "Content-Length : 3\r\n\r\nabc",
             post + "X: a\r\n b\r\n\r\n",
             post + "X: a\n\r\n",
             post + "X: a\rb\r\n\r\n",
             post + "X: a" + std::string(1, '\0') + "b\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n",
             std::string{"GET / HTTP/1.1\nHost: x\n\n"},
             std::string{"GET / HTTP/1.1\r\n\r\n"},
             std::string{"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
             std::string{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
             std::string{"\x16\x03\x01"},
         })
        EXPECT_THAT(request(bad), ::testing::EndsWith("refused 400")) << bad;
    EXPECT_EQ(request(post + "Transfer-Encoding: chunked, gzip\r\n\r\n"), "refused 400");
    EXPECT_EQ(request(post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "refused 501");
    EXPECT_EQ(request(post + "Transfer-Encoding: xchunked\r\n\r\n"), "refused 501");
    EXPECT_EQ(request("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), "refused 505");
    EXPECT_EQ(request("GET /\r\nHost: x\r\n\r\n"), "refused 505") << "HTTP/0.9";
    EXPECT_EQ(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "refused 505");
    EXPECT_EQ(request("PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n"), "refused 501");
}

TEST(http_parser, refuses_what_passes_a_limit) {
    http_limits limits;
    limits.target_bytes = 10;
    limits.header_bytes = 50;
    limits.header_count = 3;
    limits.trailer_bytes = 8;
    limits.chunk_extension_bytes = 4;
    const auto limited = [&](const std::string& input) { return events_of(kind::request, input, 7, limits); };
    const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
    EXPECT_EQ(limited("GET /3456789012 HTTP/1.1\r\nHost: x\r\n\r\n"), "refused 414");
    EXPECT_EQ(limited(get + "A: " + std::string(60, 'v') + "\r\n\r\n"), "refused 431");
    EXPECT_EQ(limited(get + std::string(60, 'n') + ": v\r\n\r\n"), "refused 431");
    EXPECT_EQ(limited(get + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), "refused 431");
    const std::string chunked = get + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(limited(chunked + "1;extension\r\na\r\n0\r\n\r\n"), "GET /|refused 400");
    EXPECT_EQ(limited(chunked + "0\r\nSome: trailer\r\n\r\n"), "GET /|refused 431");
}

TEST(http_parser, ends_a_response_without_length_with_the_flow) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    EXPECT_EQ(events_of(kind::response, head + "\r\nall of it", 4), "200 OK|all of itclean");
    EXPECT_EQ(events_of(kind::response, head + "Content-Length: 9\r\n\r\nsome"), "200 OK|somebroken off");
    EXPECT_EQ(events_of(kind::response, head + "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"),
              "200 OK|somebroken off");
    EXPECT_EQ(events_of(kind::response, "HTTP/1.1 204 No Content\r\n\r\n"), "204 No Content||end|clean");
    EXPECT_EQ(events_of(kind::response, head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
              "refused 400");
}

TEST(http_parser, takes_no_body_after_a_response_to_head_and_stops_after_the_head_of_an_upgrade) {
    http_parser parser{kind::response, {}};
    parser.expect_no_body(true);
    EXPECT_EQ(parser.next(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")).what, parsed::head);
    EXPECT_FALSE(parser.has_body());
    EXPECT_TRUE(parser.should_keep_alive());
    EXPECT_EQ(parser.next({}).what, parsed::end);

    parser.reset();
    const std::string_view upgrade = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw";
    const auto step = parser.next(as_bytes(upgrade));
    EXPECT_EQ(step.what, parsed::head);
    EXPECT_EQ(upgrade.substr(step.consumed), "raw");
}

TEST(http_heads, are_not_written_when_they_would_smuggle_a_line) {
    std::string out;
    http_response_head response;
    response.headers.add("Location", "/a\r\nSet-Cookie: b");
    EXPECT_THROW(append_head(out, response), error);
    http_request_head bad_target;
    bad_target.target = "/a HTTP/1.1\r\nX: y";
    EXPECT_THROW(append_head(out, bad_target), error);
    http_request_head bad_name;
    bad_name.headers.add("a b", "c");
    EXPECT_THROW(append_head(out, bad_name), error);
    EXPECT_EQ(out, "");
    append_head(out, http_response_head{.status = 404, .headers = {}});
    EXPECT_EQ(out, "HTTP/1.1 404 Not Found\r\n\r\n");
}

} // namespace
} // namespace davit::io
