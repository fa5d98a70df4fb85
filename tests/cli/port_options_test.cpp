#include "cli/port_options.h"

#include <gmock/gmock.h>

#include "tests/core/refusal.h"

namespace davit::cli {
namespace {

using testing::ElementsAre;

std::vector<std::string> published(const std::string& text) {
    std::vector<std::string> ports;
    for (const auto& [address, outside, inside] : parse_published_ports(text))
        ports.push_back(address + "|" + outside + "|" + inside);
    return ports;
}

TEST(parse_published_ports, an_address_and_ranges_of_both_sides_are_told_apart) {
    EXPECT_THAT(published("80"), ElementsAre("||80/tcp"));
    EXPECT_THAT(published("8080:80/udp"), ElementsAre("|8080|80/udp"));
    EXPECT_THAT(published("127.0.0.1::80"), ElementsAre("127.0.0.1||80/tcp"));
    EXPECT_THAT(published("[::1]:8000-8001:80-81"), ElementsAre("::1|8000|80/tcp", "::1|8001|81/tcp"));
    EXPECT_THAT(published("published=8080,target=80,protocol=udp"), ElementsAre("|8080|80/udp"));
    EXPECT_THAT(published("target=80"), ElementsAre("||80/tcp"));
    EXPECT_THAT(published("8000-8005:80"), ElementsAre("|8000-8005|80/tcp"));
}

TEST(parse_published_ports, what_is_no_port_is_named) {
    EXPECT_EQ(refusal_of([] { parse_published_ports("80:x"); }), "invalid containerPort: x");
    EXPECT_EQ(refusal_of([] { parse_published_ports("99999:80"); }), "invalid hostPort: 99999");
    EXPECT_EQ(refusal_of([] { parse_published_ports("80/nope"); }), "invalid proto: nope");
    EXPECT_EQ(refusal_of([] { parse_published_ports("1-5:80-81"); }),
              "invalid ranges specified for container and host Ports: 80-81 and 1-5");
    EXPECT_EQ(refusal_of([] { parse_published_ports("1.2.3:80:80"); }), "invalid IP address: 1.2.3");
    EXPECT_EQ(refusal_of([] { parse_published_ports("target=80,x"); }),
              "invalid publish opts format (should be name=value but got 'x')");
}

TEST(parse_exposed_ports, a_range_is_each_of_its_ports) {
    EXPECT_THAT(parse_exposed_ports("80"), ElementsAre("80/tcp"));
    EXPECT_THAT(parse_exposed_ports("7-9/UDP"), ElementsAre("7/udp", "8/udp", "9/udp"));
    EXPECT_NE(refusal_of([] { parse_exposed_ports("x"); }), "");
    EXPECT_NE(refusal_of([] { parse_exposed_ports("9-7"); }), "");
    EXPECT_THAT(parse_exposed_ports("65535"), ElementsAre("65535/tcp"));
}

} // namespace
} // namespace davit::cli
