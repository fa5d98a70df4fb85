#include "api/moment.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit::api {
namespace {

using namespace std::chrono;

std::int64_t nanoseconds_of(const char* text) {
    return duration_cast<nanoseconds>(parse_moment(text, "since")->time_since_epoch()).count();
}

TEST(moment, is_unix_seconds_with_their_fraction_or_rfc_3339) {
    EXPECT_EQ(nanoseconds_of("1"), 1'000'000'000);
    EXPECT_EQ(nanoseconds_of("1136073600.000000001"), 1'136'073'600'000'000'001);
    EXPECT_EQ(nanoseconds_of("1.5"), 1'500'000'000);
    EXPECT_EQ(nanoseconds_of("1.0000000019"), 1'000'000'001);
    EXPECT_EQ(nanoseconds_of("1970-01-01T00:00:02Z"), 2'000'000'000);
    EXPECT_EQ(nanoseconds_of("1970-01-01T01:00:02+01:00"), 2'000'000'000);
}

TEST(moment, nothing_and_zero_are_no_moment) {
    EXPECT_FALSE(parse_moment("", "since"));
    EXPECT_FALSE(parse_moment("0", "since"));
    EXPECT_FALSE(parse_moment("0.000000000", "since"));
}

TEST(moment, anything_else_is_refused) {
    for (const char* text : {"yesterday", "1.x", "1.-5", "--1", "99999999999999999999", "9999999999", "1 "})
        EXPECT_THROW(parse_moment(text, "since"), error) << text;
}

} // namespace
} // namespace davit::api
