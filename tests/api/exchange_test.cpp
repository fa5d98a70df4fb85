#include "api/exchange.h"

#include <gtest/gtest.h>

#include "api/router.h"
#include "core/error.h"

namespace davit::api {
namespace {

TEST(exchange, truths_are_read_as_docker_reads_them) {
    for (const char* text : {"1", "true", "True", "yes", "y", "anything"}) EXPECT_TRUE(parse_flag(text)) << text;
    for (const char* text : {"", " ", "0", "no", "No", "false", "FALSE", "none", " none "})
        EXPECT_FALSE(parse_flag(text)) << text;
}

bool is_refused(std::string_view host, std::optional<std::string_view> origin = std::nullopt) {
    io::http_headers headers;
    headers.add("Host", host);
    if (origin) headers.add("Origin", *origin);
    try {
        refuse_foreign_callers(headers, {false, {"engine.example"}});
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::denied);
        return true;
    }
    return false;
}

TEST(foreign_callers, a_host_is_an_address_localhost_or_a_configured_name) {
    for (const char* host : {"127.0.0.1:2375", "127.0.0.1", "[::1]:2375", "localhost:2375", "LOCALHOST",
                             "engine.example:1", "192.0.2.7:2375"})
        EXPECT_FALSE(is_refused(host)) << host;
    for (const char* host : {"evil.test:2375", "evil.test", "", "127.0.0.1.evil.test", "localhost.evil.test:1"})
        EXPECT_TRUE(is_refused(host)) << host;
}

TEST(foreign_callers, a_web_page_of_another_host_is_refused) {
    EXPECT_FALSE(is_refused("127.0.0.1:2375", "http://127.0.0.1:2375"));
    EXPECT_TRUE(is_refused("127.0.0.1:2375", "http://evil.test"));
    EXPECT_TRUE(is_refused("127.0.0.1:2375", "null"));
    EXPECT_TRUE(is_refused("127.0.0.1:2375", ""));
}

TEST(foreign_callers, a_unix_socket_may_be_called_anything) {
    io::http_headers headers;
    headers.add("Host", "docker");
    headers.add("Origin", "http://evil.test");
    EXPECT_NO_THROW(refuse_foreign_callers(headers, {}));
}

} // namespace
} // namespace davit::api
