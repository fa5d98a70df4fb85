#include "modules/registry_client/registry_client_module.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "modules/registry_client/address_policy.h"
#include "modules/registry_client/auth_challenge.h"
#include "modules/registry_client/pull_session.h"
#include "modules/registry_client/resumed_download.h"
#include "tests/io/network_world.h"
#include "tests/io/own_names.h"
#include "tests/modules/digest_of.h"

namespace davit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view manifest_text = R"({"schemaVersion":2})";

struct seen_request {
    std::string method, target, authorization, range;
};

io::http_response answer(unsigned status, std::string body = {},
                         std::vector<std::pair<std::string, std::string>> headers = {}) {
    io::http_response made;
    made.head.status = status;
    for (const auto& [name, value] : headers) made.head.headers.add(name, value);
    made.body = std::move(body);
    return made;
}

io::http_response good_manifest() {
    return answer(200, std::string{manifest_text}, {{"Content-Type", std::string{manifest_type}}});
}

/// A server on loopback that answers as the test says. An empty answer (status 0) breaks the connection in the middle
/// of a body.
struct scripted_server {
    using script = std::function<io::http_response(const seen_request&)>;

    explicit scripted_server(script answers) : answers{std::move(answers)} {}

    task<void> serve_until_cancelled() {
        co_await io::serve(*accepts, [this](io::http_exchange& exchange) { return handle(exchange); }, {});
    }
    task<void> handle(io::http_exchange& exchange) {
        const io::http_request_head& head = exchange.head();
        seen.push_back({std::string{io::to_string(head.method)}, head.target,
                        std::string{head.headers.get("Authorization")}, std::string{head.headers.get("Range")}});
        const seen_request asked = seen.back();
        co_await exchange.read_all(1 << 20);
        io::http_response made = answers(asked);
        if (made.head.status != 0) {
            co_await exchange.respond(std::move(made.head), std::move(made.body));
            co_return;
        }
        made.head.status = 200;
        auto body = co_await exchange.begin_stream(std::move(made.head));
        co_await body.write(made.body);
    }
    std::string host() const { return "127.0.0.1:" + std::to_string(accepts->address().port()); }
    std::vector<std::string> targets() const {
        std::vector<std::string> all;
        for (const auto& request : seen) all.push_back(request.target);
        return all;
    }

    io::listener_ptr accepts;
    script answers;
    std::vector<seen_request> seen;
};

class registry_sessions : public testing::Test {
  protected:
    /// Runs `work` while the servers serve.
    template <class T> T with_servers(std::vector<scripted_server*> servers, std::function<task<T>()> work) {
        for (scripted_server* server : servers)
            if (!server->accepts) server->accepts = loop.run(io::listen_tcp("127.0.0.1", 0));
        return loop.run([](std::vector<scripted_server*> all, std::function<task<T>()> made) -> task<T> {
            std::optional<T> result;
            co_await with_scope([&](scope& serving) -> task<void> {
                for (scripted_server* server : all) serving.spawn(server->serve_until_cancelled());
                result = co_await made();
                serving.cancel();
            });
            co_return std::move(*result);
        }(std::move(servers), std::move(work)));
    }
    void listen(scripted_server& server) { server.accepts = loop.run(io::listen_tcp("127.0.0.1", 0)); }

    task<fetched_manifest> fetch(std::string host, std::optional<registry_credentials> credentials) {
        const auto image = image_reference::parse(host + "/team/app:v1");
        const auto session = co_await client.open(image, std::move(credentials));
        co_return co_await session->manifest(image);
    }
    task<std::vector<std::string>> list_tags(std::string host) {
        const auto session = co_await client.open(image_reference::parse(host + "/team/app"), {});
        co_return co_await session->tags();
    }
    /// The error of a pull of a manifest; empty when it came.
    std::string refusal(std::vector<scripted_server*> servers, std::optional<registry_credentials> credentials = {}) {
        try {
            with_servers<fetched_manifest>(servers, [&] { return fetch(servers[0]->host(), credentials); });
        } catch (const error& e) {
            category = e.category();
            return e.what();
        }
        return {};
    }

    io::loop loop;
    registry_client_module client{{}, ""};
    errc category{};
};

TEST_F(registry_sessions, a_plain_registry_on_loopback_gives_its_manifest) {
    scripted_server server{[](const seen_request& asked) {
        return asked.target == "/v2/team/app/manifests/v1" ? good_manifest() : answer(404);
    }};
    const auto got = with_servers<fetched_manifest>({&server}, [&] { return fetch(server.host(), {}); });
    EXPECT_EQ(got.bytes, manifest_text);
    EXPECT_EQ(got.media_type, manifest_type);
    EXPECT_EQ(got.of, digest_of(manifest_text));
    EXPECT_EQ(server.seen.back().authorization, "");
}

TEST_F(registry_sessions, a_port_that_no_registry_can_have_is_refused_and_not_taken_for_the_usual_one) {
    for (const char* name : {"registry.test:65536/a", "registry.test:99999/a", "registry.test:0/a"}) {
        const auto image = image_reference::parse(name);
        EXPECT_THROW(loop.run(client.open(image, {})), error) << name;
    }
}

TEST_F(registry_sessions, a_token_is_asked_for_with_the_least_scope_and_used_again) {
    scripted_server server{nullptr};
    listen(server);
    server.answers = [&](const seen_request& asked) {
        if (asked.target.starts_with("/token")) return answer(200, R"({"token":"t0k","expires_in":300})");
        if (asked.authorization != "Bearer t0k")
            return answer(
                401, {},
                {{"WWW-Authenticate",
                  fmt::format(R"(Bearer realm="http://{}/token",service="s",scope="repository:*:*")", server.host())}});
        return good_manifest();
    };
    with_servers<fetched_manifest>({&server}, [&] { return fetch(server.host(), {}); });
    with_servers<fetched_manifest>({&server}, [&] { return fetch(server.host(), {}); });
    const auto targets = server.targets();
    std::vector<std::string> tokens;
    for (const auto& target : targets)
        if (target.starts_with("/token")) tokens.push_back(target);
    ASSERT_EQ(tokens.size(), 1u);
    EXPECT_THAT(io::percent_decode(tokens[0]), HasSubstr("scope=repository:team/app:pull"));
    EXPECT_THAT(tokens[0], HasSubstr("service=s"));
    // Somebody else's secret does not find that token.
    registry_credentials other;
    other.username = "bob";
    other.password = "wrong";
    with_servers<fetched_manifest>({&server}, [&] { return fetch(server.host(), other); });
    EXPECT_THAT(server.targets().at(server.targets().size() - 2), HasSubstr("account=bob"));
}

TEST_F(registry_sessions, basic_credentials_go_to_the_registry_that_asks_and_not_to_where_it_redirects) {
    scripted_server elsewhere{[](const seen_request&) { return good_manifest(); }};
    listen(elsewhere);
    scripted_server server{[&](const seen_request& asked) {
        if (asked.authorization.empty()) return answer(401, {}, {{"WWW-Authenticate", R"(Basic realm="r")"}});
        return answer(307, {}, {{"Location", fmt::format("http://{}/elsewhere", elsewhere.host())}});
    }};
    registry_credentials alice;
    alice.username = "alice";
    alice.password = "secret";
    with_servers<fetched_manifest>({&server, &elsewhere}, [&] { return fetch(server.host(), alice); });
    EXPECT_EQ(server.seen.back().authorization, "Basic YWxpY2U6c2VjcmV0");
    ASSERT_EQ(elsewhere.seen.size(), 1u);
    EXPECT_EQ(elsewhere.seen[0].authorization, "");
}

TEST_F(registry_sessions, credentials_of_another_registry_are_not_sent) {
    scripted_server server{[](const seen_request&) { return good_manifest(); }};
    registry_credentials alice;
    alice.username = "alice";
    alice.server_address = "https://index.docker.io/v1/";
    EXPECT_THAT(refusal({&server}, alice), HasSubstr("not sent"));
    EXPECT_THAT(server.seen, IsEmpty());
}

TEST_F(registry_sessions, realms_that_lead_to_forbidden_places_are_refused_before_a_request) {
    for (const char* realm :
         {"http://169.254.169.254/token", "file:///etc/passwd", "//nowhere", "http://[fe80::1]/t"}) {
        scripted_server server{[&](const seen_request&) {
            return answer(401, {}, {{"WWW-Authenticate", fmt::format(R"(Bearer realm="{}")", realm)}});
        }};
        EXPECT_THAT(refusal({&server}), HasSubstr("realm")) << realm;
    }
}

TEST_F(registry_sessions, redirects_are_bounded_and_may_not_leave_http) {
    scripted_server circle{[](const seen_request& asked) { return answer(302, {}, {{"Location", asked.target}}); }};
    EXPECT_THAT(refusal({&circle}), HasSubstr("redirects more than 10"));
    EXPECT_LE(circle.seen.size(), 12u);
    scripted_server file{[](const seen_request&) { return answer(302, {}, {{"Location", "file:///etc/passwd"}}); }};
    EXPECT_THAT(refusal({&file}), HasSubstr("following a redirect"));
    scripted_server ftp{[](const seen_request&) { return answer(302, {}, {{"Location", "ftp://127.0.0.1/x"}}); }};
    EXPECT_THAT(refusal({&ftp}), HasSubstr("scheme"));
    scripted_server nowhere{[](const seen_request&) { return answer(302); }};
    EXPECT_THAT(refusal({&nowhere}), HasSubstr("location"));
    scripted_server inward{
        [](const seen_request&) { return answer(302, {}, {{"Location", "http://169.254.169.254/x"}}); }};
    EXPECT_THAT(refusal({&inward}), HasSubstr("may not lead to"));
}

TEST_F(registry_sessions, a_registry_outside_does_not_come_to_be_one_inside) {
    enter_own_network();
    io::own_names names;
    io::netlink_batch addresses;
    addresses.set_up("lo");
    addresses.add_address(1, *io::ipv4_network::parse("203.0.113.5/32"));
    io::netlink_socket{}.apply(std::move(addresses));
    const auto only_once = [](const seen_request&) {
        io::http_response made = good_manifest();
        made.head.headers.add("Connection", "close"); // so that the name is looked up again
        return made;
    };
    scripted_server outside{only_once}, inside{only_once};
    outside.accepts = loop.run(io::listen_tcp("203.0.113.5", 0));
    const auto port = outside.accepts->address().port();
    inside.accepts = loop.run(io::listen_tcp("127.0.0.1", port));
    const auto image = image_reference::parse(fmt::format("registry.test:{}/team/app:v1", port));
    registry_client_module trusting{{image.domain()}, ""};
    const auto session = loop.run(trusting.open(image, {}));
    const auto fetch_again = [&] {
        return with_servers<fetched_manifest>({&outside, &inside}, [&] { return session->manifest(image); });
    };
    names.know("203.0.113.5 registry.test\n");
    EXPECT_EQ(fetch_again().bytes, manifest_text);
    names.know("127.0.0.1 registry.test\n203.0.113.5 registry.test\n");
    EXPECT_EQ(fetch_again().bytes, manifest_text);
    names.know("127.0.0.1 registry.test\n");
    EXPECT_THROW(fetch_again(), error);
    EXPECT_THAT(inside.seen, IsEmpty());
    EXPECT_EQ(outside.seen.size(), 2u);
}

TEST_F(registry_sessions, errors_are_docker_s_sentences) {
    const auto says = [](unsigned status, std::string code, std::string message) {
        return [=](const seen_request& asked) {
            return asked.target == "/v2/"
                       ? answer(200)
                       : answer(status, fmt::format(R"({{"errors":[{{"code":"{}","message":"{}"}}]}})", code, message));
        };
    };
    scripted_server unknown{says(404, "MANIFEST_UNKNOWN", "manifest unknown")};
    EXPECT_THAT(refusal({&unknown}), HasSubstr("/team/app:v1 not found: manifest unknown: manifest unknown"));
    EXPECT_EQ(category, errc::not_found);
    scripted_server denied{says(403, "DENIED", "requested access to the resource is denied")};
    EXPECT_THAT(refusal({&denied}),
                HasSubstr("repository does not exist or may require 'docker login': denied: requested "
                          "access to the resource is denied"));
    EXPECT_EQ(category, errc::denied);
    scripted_server broken{says(500, "UNKNOWN", "oops\\n\\u001b[31m")};
    const std::string told = refusal({&broken});
    EXPECT_THAT(told, HasSubstr("500"));
    EXPECT_EQ(told.find('\x1b'), std::string::npos);
    EXPECT_EQ(category, errc::unavailable);
    EXPECT_GE(broken.seen.size(), 3u); // it was tried again
}

TEST_F(registry_sessions, a_manifest_with_another_digest_is_refused) {
    scripted_server header{[](const seen_request&) {
        auto made = good_manifest();
        made.head.headers.add("Docker-Content-Digest", "sha256:" + std::string(64, '0'));
        return made;
    }};
    EXPECT_THAT(refusal({&header}), HasSubstr("digest"));
    scripted_server other{[](const seen_request&) { return good_manifest(); }};
    EXPECT_THROW(with_servers<fetched_manifest>({&other},
                                                [&]() -> task<fetched_manifest> {
                                                    const auto session = co_await client.open(
                                                        image_reference::parse(other.host() + "/a"), {});
                                                    co_return co_await session->manifest(digest_of("else"));
                                                }),
                 error);
}

TEST_F(registry_sessions, tags_are_listed_over_all_pages_and_at_no_other_host) {
    scripted_server server{[](const seen_request& asked) {
        if (asked.target == "/v2/team/app/tags/list")
            return answer(200, R"({"name":"team/app","tags":["v1","v2"]})",
                          {{"Link", R"(<http://elsewhere.example/other?last=v2&n=2>; rel="next")"}});
        if (asked.target == "/v2/team/app/tags/list?last=v2&n=2") return answer(200, R"({"tags":["v3"]})");
        return answer(404);
    }};
    EXPECT_THAT(with_servers<std::vector<std::string>>({&server}, [&] { return list_tags(server.host()); }),
                testing::ElementsAre("v1", "v2", "v3"));
    scripted_server none{[](const seen_request&) { return answer(200, R"({"name":"team/app","tags":null})"); }};
    EXPECT_THAT(with_servers<std::vector<std::string>>({&none}, [&] { return list_tags(none.host()); }), IsEmpty());
}

TEST_F(registry_sessions, a_list_of_tags_that_lies_is_refused) {
    scripted_server names{[](const seen_request&) { return answer(200, R"({"tags":["../../etc"]})"); }};
    EXPECT_THROW(with_servers<std::vector<std::string>>({&names}, [&] { return list_tags(names.host()); }), error);
    scripted_server endless{[](const seen_request&) {
        return answer(200, R"({"tags":["a"]})", {{"Link", R"(</v2/team/app/tags/list?last=a>; rel="next")"}});
    }};
    try {
        with_servers<std::vector<std::string>>({&endless}, [&] { return list_tags(endless.host()); });
        FAIL() << "the list ended";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::too_large) << e.what();
    }
}

TEST_F(registry_sessions, documents_without_end_are_cut) {
    scripted_server large{[](const seen_request&) {
        return answer(200, std::string(5 << 20, ' '), {{"Content-Type", std::string{manifest_type}}});
    }};
    EXPECT_THAT(refusal({&large}), HasSubstr("bytes"));
    EXPECT_EQ(category, errc::too_large);
}

task<std::string> read_all(blob_download& from) {
    std::string all;
    std::vector<std::byte> piece(1000);
    while (const std::size_t got = co_await from.read(piece))
        all.append(reinterpret_cast<const char*>(piece.data()), got);
    co_return all;
}

TEST_F(registry_sessions, a_blob_that_breaks_off_goes_on_from_there_with_ranges_or_without) {
    std::string content;
    for (int i = 0; i < 5000; ++i) content += fmt::format("{:05}", i);
    for (const bool has_ranges : {true, false}) {
        int breaks = 2;
        scripted_server server{[&](const seen_request& asked) {
            if (!asked.target.starts_with("/v2/team/app/blobs/")) return answer(200);
            std::size_t begin = 0;
            if (has_ranges && !asked.range.empty()) begin = std::stoul(asked.range.substr(6));
            auto made =
                answer(asked.range.empty() || !has_ranges ? 200 : 206, content.substr(begin),
                       {{"Content-Range", fmt::format("bytes {}-{}/{}", begin, content.size() - 1, content.size())}});
            if (asked.range.empty() && breaks > 0) {
                --breaks;
                made.head.status = 0;
                made.body.resize(7000);
            }
            return made;
        }};
        const auto got = with_servers<std::string>({&server}, [&]() -> task<std::string> {
            const auto session = co_await client.open(image_reference::parse(server.host() + "/team/app"), {});
            const auto blob = co_await session->blob(digest_of(content));
            co_return co_await read_all(*blob);
        });
        EXPECT_EQ(got, content) << has_ranges;
        EXPECT_EQ(server.seen.back().range, "bytes=7000-");
    }
}

/// Keeps a download alive: a few bytes at a time, with a pause after each.
task<void> dribble(io::http_exchange& exchange, int* requests) {
    io::http_response_head head;
    if (++*requests > 20) {
        head.status = 404;
        co_await exchange.respond(std::move(head), {});
        co_return;
    }
    head.status = exchange.head().headers.has("Range") ? 206 : 200;
    if (head.status == 206)
        head.headers.add("Content-Range",
                         fmt::format("bytes {}0/1000", exchange.head().headers.get("Range").substr(6)));
    head.headers.add("Content-Length", "1000");
    auto body = co_await exchange.begin_stream(std::move(head));
    for (int piece = 0; piece < 100; ++piece) {
        co_await body.write("ten bytes.");
        co_await sleep_for(std::chrono::milliseconds{60});
    }
    co_await body.finish();
}

TEST_F(registry_sessions, a_blob_that_is_only_kept_alive_is_given_up) {
    const auto listening = loop.run(io::listen_tcp("127.0.0.1", 0));
    const std::string host = fmt::format("127.0.0.1:{}", listening->address().port());
    const auto session = std::make_shared<pull_session>(
        image_reference::parse(host + "/team/app"), registry_credentials{},
        std::make_shared<registry_trust>(std::vector<std::string>{}, ""), std::make_shared<token_cache>(),
        registry_endpoint{"127.0.0.1", listening->address().port(), host});
    int requests = 0;
    std::size_t received = 0;
    std::string said;
    loop.run(with_scope([&](scope& serving) -> task<void> {
        serving.spawn(io::serve(*listening,
                                [&requests](io::http_exchange& exchange) { return dribble(exchange, &requests); }, {}));
        resumed_download slow{session, digest_of("x"), {std::chrono::milliseconds{100}, 100}};
        std::array<std::byte, 64> into;
        try {
            co_await slow.begin();
            while (const std::size_t got = co_await slow.read(into)) received += got;
        } catch (const error& e) {
            said = e.what();
        }
        serving.cancel();
    }));
    EXPECT_THAT(said, HasSubstr("too slowly"));
    EXPECT_LT(received, 100u);
    EXPECT_EQ(requests, 1);
}

TEST(auth_challenge, challenges_are_taken_apart) {
    const auto all = parse_challenges(R"(Basic realm="a \"b\"", Bearer realm="https://x/t",service=y,scope="r:*")");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].scheme, "basic");
    EXPECT_EQ(all[0].realm, R"(a "b")");
    EXPECT_EQ(all[1].realm, "https://x/t");
    EXPECT_EQ(all[1].service, "y");
    EXPECT_THAT(parse_challenges("=,,\"\x01"), IsEmpty());
    EXPECT_THROW(parse_token(R"({"token":"a\nb"})"), error);
    EXPECT_THROW(parse_token("{}"), error);
    EXPECT_EQ(parse_token(R"({"access_token":"x"})").text, "x");
}

TEST(address_policy, nobody_outside_leads_inside) {
    const auto reach = [](const char* address) { return reach_of(io::socket_address::from_literal(address, 1)); };
    EXPECT_EQ(reach("127.8.8.8"), address_reach::loopback);
    EXPECT_EQ(reach("::ffff:127.0.0.1"), address_reach::loopback);
    EXPECT_EQ(reach("::1"), address_reach::loopback);
    EXPECT_EQ(reach("169.254.169.254"), address_reach::link_local);
    EXPECT_EQ(reach("64:ff9b::a9fe:a9fe"), address_reach::link_local);
    EXPECT_EQ(reach("fe80::1"), address_reach::link_local);
    EXPECT_EQ(reach("172.31.0.1"), address_reach::internal);
    EXPECT_EQ(reach("fd00::1"), address_reach::internal);
    EXPECT_EQ(reach("172.32.0.1"), address_reach::open);
    EXPECT_EQ(reach("0.0.0.0"), address_reach::none);
    EXPECT_EQ(reach("::"), address_reach::none);
    EXPECT_EQ(reach("255.255.255.255"), address_reach::none);
    for (const auto target : {address_reach::internal, address_reach::link_local, address_reach::loopback})
        EXPECT_FALSE(may_lead_to(address_reach::open, target));
    EXPECT_FALSE(may_lead_to(address_reach::internal, address_reach::loopback));
    EXPECT_FALSE(may_lead_to(address_reach::loopback, address_reach::link_local));
    EXPECT_TRUE(may_lead_to(address_reach::loopback, address_reach::internal));
    EXPECT_TRUE(may_lead_to(address_reach::internal, address_reach::open));
}

TEST(address_policy, insecure_registries_are_names_ports_and_networks) {
    const insecure_registries told{{"reg.test", "other.test:5000", "10.1.0.0/16"}};
    const auto at = [](const char* address) { return io::socket_address::from_literal(address, 1); };
    EXPECT_TRUE(told.contains("reg.test", 443, at("192.0.2.1")));
    EXPECT_TRUE(told.contains("other.test", 5000, at("192.0.2.1")));
    EXPECT_FALSE(told.contains("other.test", 443, at("192.0.2.1")));
    EXPECT_TRUE(told.contains("any.test", 443, at("10.1.2.3")));
    EXPECT_FALSE(told.contains("any.test", 443, at("10.2.2.3")));
}

} // namespace
} // namespace davit
