#include "io/tls.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/timeout.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/process.h"
#include "io/socket.h"
#include "tests/io/certificates.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class tls_test : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        files_ = std::make_unique<certificates>();
        files_->make("expired", "ca", "serverAuth", "DNS:localhost", "-days -1");
        files_->make("unnamed", "ca", "serverAuth", {});
        files_->make("wildcard", "ca", "serverAuth", "DNS:*.example.test");
        files_->make("foreign-client", "other-ca", "clientAuth", {});
    }
    static void TearDownTestSuite() { files_.reset(); }

    static std::string file(const std::string& name) { return *files_ / name; }
    static tls_server_options server(const std::string& name = "server", const std::string& client_authority = {}) {
        return {.certificate_file = file(name + ".crt"),
                .key_file = file(name + ".key"),
                .client_authority_file = client_authority.empty() ? std::string{} : file(client_authority + ".crt")};
    }
    static tls_client_options client(const std::string& authority = "ca", const std::string& own = {}) {
        tls_client_options options;
        options.authority_files = {file(authority + ".crt")};
        if (!own.empty()) {
            options.certificate_file = file(own + ".crt");
            options.key_file = file(own + ".key");
        }
        return options;
    }

    struct outcome {
        std::string client = "ok"; // or its error
        std::string server = "ok";
        std::string got;
    };

    /// A session over a pair of sockets that echoes one word.
    outcome meet(tls_server_options server_options, tls_client_options client_options, std::string name = "localhost") {
        outcome result;
        loop_.run([](tls_server_options so, tls_client_options co, std::string host, outcome* into) -> task<void> {
            socket_pair ends = make_socket_pair();
            const auto server_context = co_await make_tls_context(std::move(so));
            const auto client_context = co_await make_tls_context(std::move(co));
            co_await with_scope([&](scope& sides) -> task<void> {
                sides.spawn(echo(server_context, std::make_unique<fd_stream>(std::move(ends.first)), into));
                sides.spawn(ask(client_context, std::make_unique<fd_stream>(std::move(ends.second)), host, into));
                co_return;
            });
        }(std::move(server_options), std::move(client_options), std::move(name), &result));
        return result;
    }

    static task<void> echo(tls_context_ptr context, stream_ptr transport, outcome* into) {
        try {
            const stream_ptr session = co_await tls_accept(context, std::move(transport));
            co_await write_text(session.get(), co_await read_to_end(session.get()));
            co_await session->shutdown_write();
        } catch (const error& e) {
            into->server = fmt::format("{}: {}", to_string(e.category()), e.text());
        }
    }
    static task<void> ask(tls_context_ptr context, stream_ptr transport, std::string host, outcome* into) {
        try {
            const stream_ptr session = co_await tls_connect(context, std::move(transport), host);
            co_await write_text(session.get(), "word");
            co_await session->shutdown_write();
            into->got = co_await read_to_end(session.get());
        } catch (const error& e) {
            into->client = fmt::format("{}: {}", to_string(e.category()), e.text());
        }
    }

    static inline std::unique_ptr<certificates> files_;
    loop loop_;
};

TEST_F(tls_test, accepts_the_right_certificate_by_name_and_by_address) {
    for (const char* name : {"localhost", "LOCALHOST", "127.0.0.1"}) {
        const outcome got = meet(server(), client(), name);
        EXPECT_EQ(got.client, "ok") << name;
        EXPECT_EQ(got.server, "ok") << name;
        EXPECT_EQ(got.got, "word") << name;
    }
    EXPECT_EQ(meet(server("wildcard"), client(), "a.example.test").got, "word");
}

TEST_F(tls_test, refuses_a_server_of_another_authority_name_time_or_purpose) {
    const auto refused = [&](const std::string& name, const std::string& authority, const std::string& host) {
        const outcome got = meet(server(name), client(authority), host);
        EXPECT_EQ(got.got, "") << name;
        EXPECT_NE(got.server, "ok") << name;
        return got.client;
    };
    const std::string begin = "denied: the certificate of localhost is not accepted: ";
    EXPECT_THAT(refused("server", "other-ca", "localhost"), ::testing::StartsWith(begin));
    EXPECT_THAT(refused("server", "other-ca", "localhost"), HasSubstr("not correctly signed by the trusted CA"));
    EXPECT_THAT(refused("server", "ca", "example.test"), HasSubstr("does not match with the expected CN"));
    EXPECT_THAT(refused("server", "ca", "127.0.0.2"), HasSubstr("does not match with the expected CN"));
    EXPECT_THAT(refused("expired", "ca", "127.0.0.1"), HasSubstr("does not match")) << "a name is no address";
    EXPECT_THAT(refused("wildcard", "ca", "a.b.example.test"), HasSubstr("does not match"));
    EXPECT_THAT(refused("unnamed", "ca", "localhost"), HasSubstr("does not match")) << "a common name is no host name";
    EXPECT_THAT(refused("expired", "ca", "localhost"), HasSubstr("expired"));
}

/// OpenSSL as the server, which shows any certificate it is given; gives what it says and how our client fared.
task<void> meet_openssl(std::string certificate, std::string key, std::string authority, std::string host,
                        std::string* said, std::string* fared) {
    tls_client_options options;
    options.authority_files = {authority};
    const auto context = co_await make_tls_context(std::move(options));
    process_options server{.argv = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key,
                                    "-tlsextdebug", "-naccept", "1"},
                           .environment = {"PATH=/usr/bin:/bin"},
                           .standard_input = to_pipe{},
                           .standard_output = to_pipe{},
                           .standard_error = {},
                           .descriptors = {}};
    co_await with_process(std::move(server), [&](process& openssl) -> task<void> {
        const std::string ready = co_await read_until(openssl.standard_output.get(), "ACCEPT 127.0.0.1:");
        const std::string port = co_await read_until(openssl.standard_output.get(), "\n");
        dialled made = co_await connect_tcp("127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)));
        try {
            const stream_ptr session = co_await tls_connect(context, std::move(made.connection), host);
            *fared = "ok";
        } catch (const error& e) {
            *fared = e.text();
        }
        openssl.standard_input.reset();
        *said = co_await read_to_end(openssl.standard_output.get());
    });
}

TEST_F(tls_test, refuses_a_server_whose_certificate_is_for_clients) {
    std::string said, fared;
    loop_.run(meet_openssl(file("client.crt"), file("client.key"), file("ca.crt"), "localhost", &said, &fared));
    EXPECT_THAT(fared, ::testing::StartsWith("the certificate of localhost is not accepted: "));
}

TEST_F(tls_test, names_the_server_it_wants_unless_that_is_an_address) {
    std::string said, fared;
    loop_.run(meet_openssl(file("server.crt"), file("server.key"), file("ca.crt"), "localhost", &said, &fared));
    EXPECT_EQ(fared, "ok");
    EXPECT_THAT(said, HasSubstr("\"server name\""));
    loop_.run(meet_openssl(file("server.crt"), file("server.key"), file("ca.crt"), "127.0.0.1", &said, &fared));
    EXPECT_EQ(fared, "ok");
    EXPECT_THAT(said, ::testing::Not(HasSubstr("\"server name\"")));
}

TEST_F(tls_test, takes_any_server_only_when_told_to) {
    tls_client_options careless = client("other-ca");
    careless.is_insecure = true;
    EXPECT_EQ(meet(server("expired"), careless, "example.test").got, "word");
}

TEST_F(tls_test, wants_a_client_certificate_of_its_authority_for_the_client_purpose) {
    const outcome good = meet(server("server", "ca"), client("ca", "client"));
    EXPECT_EQ(good.server, "ok");
    EXPECT_EQ(good.got, "word");

    const outcome none = meet(server("server", "ca"), client());
    EXPECT_EQ(none.server, "denied: the client has sent no certificate");
    EXPECT_EQ(none.got, "");
    EXPECT_THAT(none.client, HasSubstr("client certificate"));
    const outcome foreign = meet(server("server", "ca"), client("ca", "foreign-client"));
    EXPECT_THAT(foreign.server, ::testing::StartsWith("denied: the certificate of the client is not accepted"));
    EXPECT_EQ(foreign.got, "");
    const outcome wrong_purpose = meet(server("server", "ca"), client("ca", "server"));
    EXPECT_THAT(wrong_purpose.server, ::testing::StartsWith("denied: the certificate of the client is not accepted"));
    EXPECT_EQ(wrong_purpose.got, "");
}

TEST_F(tls_test, says_which_file_is_no_good) {
    const auto failure = [&](tls_client_options options) { return loop_.run(failure_of(make_tls_context(options))); };
    EXPECT_EQ(failure(client("absent")).category(), errc::not_found);
    EXPECT_THAT(failure(client("absent")).text(), HasSubstr(file("absent.crt")));
    tls_client_options mixed = client("ca", "client");
    mixed.key_file = file("server.key");
    EXPECT_THAT(failure(mixed).text(), HasSubstr("does not belong to"));
    tls_client_options no_certificate = client();
    no_certificate.authority_files = {file("ca.key")};
    EXPECT_EQ(failure(no_certificate).category(), errc::invalid);
}

TEST_F(tls_test, tells_a_cut_connection_from_an_ended_session) {
    loop_.run([](std::string authority, tls_server_options so) -> task<void> {
        socket_pair ends = make_socket_pair();
        tls_client_options co;
        co.authority_files = {authority};
        const auto server_context = co_await make_tls_context(std::move(so));
        const auto client_context = co_await make_tls_context(std::move(co));
        co_await with_scope([&](scope& sides) -> task<void> {
            sides.spawn([](tls_context_ptr context, descriptor end) -> task<void> {
                const stream_ptr session = co_await tls_accept(context, std::make_unique<fd_stream>(std::move(end)));
                co_await write_text(session.get(), "some");
            }(server_context, std::move(ends.first)));
            const stream_ptr session =
                co_await tls_connect(client_context, std::make_unique<fd_stream>(std::move(ends.second)), "localhost");
            EXPECT_EQ((co_await failure_of(read_to_end(session.get()))).category(), errc::unavailable);
        });
    }(file("ca.crt"), server()));
}

TEST_F(tls_test, serves_https_to_curl_and_to_its_own_client) {
    loop_.run([](tls_server_options so, tls_client_options co, std::string ca, std::string certificate,
                 std::string key) -> task<void> {
        const listener_ptr open = co_await listen_tcp("127.0.0.1", 0);
        const std::uint16_t port = open->address().port();
        http_server_options options;
        options.tls = co_await make_tls_context(std::move(so));
        const auto client_context = co_await make_tls_context(std::move(co));
        const std::string large(1'000'000, 'L');
        co_await with_scope([&](scope& servers) -> task<void> {
            servers.spawn(serve(*open, [&](http_exchange& x) { return x.respond({}, large); }, options));
            http_client own{make_connector(client_context)};
            for (int i = 0; i < 2; ++i) {
                http_client_response response = co_await own.request({"https", "localhost", port}, {});
                EXPECT_EQ(co_await response.read_all(2'000'000), large);
            }
            const std::string address = fmt::format("https://localhost:{}/", port);
            for (const char* version : {"--tlsv1.3", "--tls-max 1.2"}) {
                const std::string command = fmt::format("curl -sS {} --cacert {} --cert {} --key {} {}", version, ca,
                                                        certificate, key, address);
                const process_output curl = co_await run_process({.argv = {"/bin/sh", "-c", command},
                                                                  .environment = {"PATH=/usr/bin:/bin"},
                                                                  .standard_input = {},
                                                                  .standard_output = {},
                                                                  .standard_error = {},
                                                                  .descriptors = {}},
                                                                 {}, 2'000'000);
                EXPECT_EQ(curl.standard_error, "");
                EXPECT_EQ(curl.standard_output, large);
            }
            const process_output old = co_await run_process(
                {.argv = {"/bin/sh", "-c", fmt::format("curl -sS --tls-max 1.1 --cacert {} {}", ca, address)},
                 .environment = {"PATH=/usr/bin:/bin"},
                 .standard_input = {},
                 .standard_output = {},
                 .standard_error = {},
                 .descriptors = {}});
            EXPECT_NE(old.exit.code, 0) << "nothing older than TLS 1.2 is spoken";
            own.close_idle();
            servers.cancel();
        });
    }(server("server", "ca"), client("ca", "client"), file("ca.crt"), file("client.crt"), file("client.key")));
}

} // namespace
} // namespace davit::io
