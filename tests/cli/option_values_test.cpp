#include "cli/option_values.h"

#include <fstream>

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
    EXPECT_EQ(parse_cpus("0.29"), 290'000'000);
    EXPECT_EQ(parse_cpus("1/2"), 500'000'000);
    EXPECT_EQ(refusal_of([] { parse_cpus("x"); }), "failed to parse x as a rational number");
    EXPECT_EQ(refusal_of([] { parse_cpus("1/0"); }), "failed to parse 1/0 as a rational number");
    EXPECT_EQ(refusal_of([] { parse_cpus("1/3"); }), "value is too precise");
}

TEST(parse_ulimit, one_limit_is_both_and_the_soft_one_is_never_above) {
    EXPECT_EQ(parse_ulimit("nofile=1024"), (ulimit_config{"nofile", 1024, 1024}));
    EXPECT_EQ(parse_ulimit("nproc=1:2"), (ulimit_config{"nproc", 1, 2}));
    EXPECT_EQ(refusal_of([] { parse_ulimit("x"); }), "invalid ulimit argument: x");
    EXPECT_EQ(refusal_of([] { parse_ulimit("nope=1"); }), "invalid ulimit type: nope");
    EXPECT_EQ(refusal_of([] { parse_ulimit("nproc=1:2:3"); }),
              "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`");
    EXPECT_EQ(refusal_of([] { parse_ulimit("nproc=2:1"); }),
              "ulimit soft limit must be less than or equal to hard limit: 2 > 1");
}

TEST(parse_restart_policy, a_count_follows_a_colon) {
    EXPECT_EQ(parse_restart_policy("on-failure:3"), (restart_policy{"on-failure", 3}));
    EXPECT_EQ(parse_restart_policy("always"), (restart_policy{"always", 0}));
    EXPECT_EQ(refusal_of([] { parse_restart_policy("on-failure:x"); }),
              "invalid restart policy format: maximum retry count must be an integer");
}

TEST(capability_names, names_are_whole_and_each_is_there_once) {
    EXPECT_THAT(capability_names({"net_admin", "CAP_CHOWN", "chown"}), ElementsAre("CAP_CHOWN", "CAP_NET_ADMIN"));
    EXPECT_THAT(capability_names({"chown", "all"}), ElementsAre("ALL", "CAP_CHOWN"));
}

TEST(split_csv, what_is_quoted_may_hold_commas_and_quotes) {
    EXPECT_THAT(split_csv(R"(a=1,"b=2,3","c=""d""",)"), ElementsAre("a=1", "b=2,3", "c=\"d\"", ""));
    EXPECT_EQ(refusal_of([] { split_csv("\"a"); }),
              "parse error on line 1, column 3: extraneous or missing \" in quoted-field");
    EXPECT_EQ(refusal_of([] { split_csv("a\"b"); }), "parse error on line 1, column 2: bare \" in non-quoted-field");
}

TEST(check_sysctl, only_what_may_differ_between_containers_is_taken) {
    EXPECT_EQ(refusal_of([] { check_sysctl("net.ipv4.ip_forward=1"); }), "");
    EXPECT_EQ(refusal_of([] { check_sysctl("kernel.sem=1 2 3 4"); }), "");
    for (const char* wrong : {"kernel.hostname=x", "vm.swappiness=1", "net.ipv4.ip_forward", "=x"})
        EXPECT_EQ(refusal_of([&] { check_sysctl(wrong); }), fmt::format("sysctl '{}' is not allowed", wrong));
}

TEST(parse_bind, a_path_below_this_folder_begins_at_the_root) {
    EXPECT_EQ(parse_bind("/tmp:/x:ro"), "/tmp:/x:ro");
    EXPECT_EQ(parse_bind("named:/x"), "named:/x");
    EXPECT_EQ(parse_bind("./a/../b:/x"), absolute_path("b") + ":/x");
    EXPECT_EQ(parse_bind("/x"), std::nullopt);
    EXPECT_EQ(refusal_of([] { parse_bind(""); }), "invalid empty volume spec");
    for (const char* wrong : {":/x", "/tmp:", "/tmp::ro"})
        EXPECT_EQ(refusal_of([&] { parse_bind(wrong); }),
                  fmt::format("invalid spec: {}: empty section between colons", wrong));
}

TEST(parse_security_option, a_profile_is_sent_by_its_content) {
    const std::string path = testing::TempDir() + "/profile.json";
    std::ofstream{path} << "{ \"b\": [1, 2],\n \"a\": null }";
    EXPECT_EQ(parse_security_option("seccomp=" + path), R"(seccomp={"b":[1,2],"a":null})");
    EXPECT_EQ(parse_security_option("seccomp=unconfined"), "seccomp=unconfined");
    EXPECT_EQ(parse_security_option("no-new-privileges"), "no-new-privileges");
    EXPECT_EQ(refusal_of([] { parse_security_option("apparmor"); }), "Invalid --security-opt: \"apparmor\"");
    EXPECT_EQ(refusal_of([] { parse_security_option("apparmor="); }), "Invalid --security-opt: \"apparmor=\"");
    EXPECT_EQ(refusal_of([] { parse_security_option("seccomp=/nope"); }),
              "opening seccomp profile (/nope) failed: open /nope: no such file or directory");
    std::ofstream{path} << "{";
    EXPECT_THAT(refusal_of([&] { parse_security_option("seccomp=" + path); }),
                testing::StartsWith("compacting json for seccomp profile (" + path + ") failed: "));
}

TEST(check_search_domain, a_domain_has_letters) {
    for (const char* right : {"a.b", "a-1.b.", "."}) EXPECT_EQ(refusal_of([&] { check_search_domain(right); }), "");
    for (const char* wrong : {"a b", "1.2", "a_b", "-a", ""})
        EXPECT_EQ(refusal_of([&] { check_search_domain(wrong); }), fmt::format("{} is not a valid domain", wrong));
}

TEST(check_variable, a_name_is_needed) {
    EXPECT_EQ(refusal_of([] { check_variable("=x"); }), "invalid environment variable: =x");
    EXPECT_EQ(refusal_of([] { check_variable("X="); }), "");
    EXPECT_EQ(refusal_of([] { check_label("=x"); }), "invalid label '=x': empty name");
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
