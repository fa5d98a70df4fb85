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

TEST(moment, a_far_one_is_as_far_as_can_be_told) {
    EXPECT_EQ(nanoseconds_of("9999999999"), 9'000'000'000'000'000'000);
    EXPECT_EQ(nanoseconds_of("-9999999999"), -9'000'000'000'000'000'000);
}

TEST(moment, of_a_filter_is_an_age_or_a_date_too) {
    const auto at = [](const char* text) { return *parse_moment_or_age(text, "until"); };
    const auto age = [&](const char* text) { return duration_cast<seconds>(system_clock::now() - at(text)); };
    EXPECT_NEAR(age("1h30m").count(), 5400, 60);
    EXPECT_NEAR(age("1.5h2000ms").count(), 5402, 60);
    EXPECT_EQ(at("2"), at("1970-01-01T00:00:02Z"));
    EXPECT_EQ(at("2020-01-02"), at("2020-01-02T00:00:00Z"));
    EXPECT_EQ(at("2020-01-02T03"), at("2020-01-02T03:00:00Z"));
    EXPECT_EQ(at("2020-01-02T03:04"), at("2020-01-02T03:04:00Z"));
    EXPECT_EQ(at("2020-01-02T03:04:05"), at("2020-01-02T03:04:05Z"));
    for (const char* text : {"1x", "h", "1h2", "2020-01", "2020-13-01", "99999999999h"})
        EXPECT_THROW(parse_moment_or_age(text, "until"), error) << text;
    EXPECT_FALSE(parse_moment_or_age("", "until"));
}

TEST(moment, anything_else_is_refused) {
    for (const char* text : {"yesterday", "1.x", "1.-5", "--1", "99999999999999999999", "1 ", "1h"})
        EXPECT_THROW(parse_moment(text, "since"), error) << text;
}

} // namespace
} // namespace davit::api
