#include "cli/option_values.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::cli {
namespace {

using testing::ElementsAre;

TEST(parse_bytes, units_are_powers_of_1024_in_any_case_with_or_without_b) {
    EXPECT_EQ(parse_bytes("1024"), 1024);
    EXPECT_EQ(parse_bytes("64m"), 64 << 20);
    EXPECT_EQ(parse_bytes("64MB"), 64 << 20);
    EXPECT_EQ(parse_bytes("64 MiB"), 64 << 20);
    EXPECT_EQ(parse_bytes("1.5k"), 1536);
    EXPECT_EQ(parse_bytes("7b"), 7);
    EXPECT_EQ(parse_bytes("2g"), 2ll << 30);
}

TEST(parse_bytes, what_is_no_size_is_refused_with_the_reason) {
    EXPECT_EQ(refusal_of([] { parse_bytes("12zz"); }), "invalid suffix: 'zz'");
    EXPECT_EQ(refusal_of([] { parse_bytes("x"); }), "invalid size: 'x'");
    EXPECT_EQ(refusal_of([] { parse_bytes("-1k"); }), "invalid size: '-1k'");
    EXPECT_EQ(refusal_of([] { parse_bytes("1.2.3"); }), "strconv.ParseFloat: parsing \"1.2.3\": invalid syntax");
}

TEST(parse_cpus, parts_of_a_cpu_are_billionths) {
    EXPECT_EQ(parse_cpus("1.5"), 1'500'000'000);
    EXPECT_EQ(refusal_of([] { parse_cpus("x"); }), "failed to parse x as a rational number");
}

TEST(parse_ulimit, one_limit_is_both_and_the_soft_one_is_never_above) {
    EXPECT_EQ(parse_ulimit("nofile=1024"), (ulimit_config{"nofile", 1024, 1024}));
    EXPECT_EQ(parse_ulimit("nproc=1:2"), (ulimit_config{"nproc", 1, 2}));
    EXPECT_EQ(refusal_of([] { parse_ulimit("x"); }), "invalid ulimit argument: x");
    EXPECT_EQ(refusal_of([] { parse_ulimit("nproc=2:1"); }),
              "ulimit soft limit must be less than or equal to hard limit: 2 > 1");
}

TEST(parse_restart_policy, a_count_follows_a_colon) {
    EXPECT_EQ(parse_restart_policy("on-failure:3"), (restart_policy{"on-failure", 3}));
    EXPECT_EQ(parse_restart_policy("always"), (restart_policy{"always", 0}));
    EXPECT_EQ(refusal_of([] { parse_restart_policy("on-failure:x"); }),
              "invalid restart policy format: maximum retry count must be an integer");
}

TEST(capability_names, names_are_whole_once_and_all_swallows_the_rest) {
    EXPECT_THAT(capability_names({"net_admin", "CAP_CHOWN", "chown"}), ElementsAre("CAP_CHOWN", "CAP_NET_ADMIN"));
    EXPECT_THAT(capability_names({"chown", "all"}), ElementsAre("ALL"));
}

TEST(check_variable, a_name_is_needed) {
    EXPECT_EQ(refusal_of([] { check_variable("=x"); }), "invalid environment variable: =x");
    EXPECT_EQ(refusal_of([] { check_variable("X="); }), "");
    EXPECT_EQ(refusal_of([] { check_label("=x"); }), "invalid label '=x': empty name");
}

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
    EXPECT_THAT(published("8000-8005:80"), ElementsAre("|8000-8005|80/tcp"));
}

TEST(parse_published_ports, what_is_no_port_is_named) {
    EXPECT_EQ(refusal_of([] { parse_published_ports("80:x"); }), "invalid containerPort: x");
    EXPECT_EQ(refusal_of([] { parse_published_ports("99999:80"); }), "invalid hostPort: 99999");
    EXPECT_EQ(refusal_of([] { parse_published_ports("80/nope"); }), "invalid proto: nope");
    EXPECT_EQ(refusal_of([] { parse_published_ports("1-5:80-81"); }),
              "invalid ranges specified for container and host Ports: 80-81 and 1-5");
}

TEST(parse_exposed_ports, a_range_is_each_of_its_ports) {
    EXPECT_THAT(parse_exposed_ports("80"), ElementsAre("80/tcp"));
    EXPECT_THAT(parse_exposed_ports("7-9/UDP"), ElementsAre("7/udp", "8/udp", "9/udp"));
    EXPECT_NE(refusal_of([] { parse_exposed_ports("x"); }), "");
    EXPECT_NE(refusal_of([] { parse_exposed_ports("9-7"); }), "");
    EXPECT_THAT(parse_exposed_ports("65535"), ElementsAre("65535/tcp"));
}

TEST(parse_extra_host, both_notations_give_the_engines) {
    EXPECT_EQ(parse_extra_host("a:1.2.3.4"), "a:1.2.3.4");
    EXPECT_EQ(parse_extra_host("a=[::1]"), "a:::1");
    EXPECT_EQ(parse_extra_host("a:host-gateway"), "a:host-gateway");
    EXPECT_EQ(refusal_of([] { parse_extra_host("a"); }), "bad format for add-host: \"a\"");
    EXPECT_EQ(refusal_of([] { parse_extra_host("a:x"); }), "invalid IP address in add-host: \"x\"");
}

TEST(parse_span, units_add_up_and_other_words_are_none) {
    EXPECT_EQ(parse_span("1h30m"), std::chrono::minutes{90});
    EXPECT_EQ(parse_span("500ms"), std::chrono::milliseconds{500});
    EXPECT_EQ(parse_span("1d"), std::nullopt);
}

TEST(check_platform, one_word_must_be_a_system_or_an_architecture) {
    EXPECT_EQ(refusal_of([] { check_platform("linux/arm/v7"); }), "");
    EXPECT_EQ(refusal_of([] { check_platform("arm64"); }), "");
    EXPECT_NE(refusal_of([] { check_platform("x"); }), "");
}

TEST(check_label, a_name_has_no_blanks) {
    EXPECT_EQ(refusal_of([] { check_label("a=b c"); }), "");
    EXPECT_EQ(refusal_of([] { check_label("a b=c"); }), "label 'a b' contains whitespaces");
}

TEST(is_image_id, it_is_whole_with_or_without_its_algorithm) {
    const std::string digits(64, 'a');
    EXPECT_TRUE(is_image_id(digits));
    EXPECT_TRUE(is_image_id("sha256:" + digits));
    EXPECT_FALSE(is_image_id("sha256:" + digits.substr(1)));
    EXPECT_FALSE(is_image_id("sha512:" + digits));
}

} // namespace
} // namespace davit::cli
