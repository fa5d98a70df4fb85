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

} // namespace
} // namespace davit::cli
