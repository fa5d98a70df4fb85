#include "core/rfc3339.h"

#include <gtest/gtest.h>

namespace davit {
namespace {

using clock = std::chrono::system_clock;
using namespace std::chrono_literals;

constexpr clock::time_point at(std::chrono::nanoseconds since_epoch) {
    return clock::time_point{since_epoch};
}

TEST(rfc3339, a_moment_is_written_with_the_digits_it_needs) {
    EXPECT_EQ(to_rfc3339(at(1795537536s)), "2026-11-24T16:25:36Z");
    EXPECT_EQ(to_rfc3339(at(1795537536s + 500ms)), "2026-11-24T16:25:36.5Z");
    EXPECT_EQ(to_rfc3339(at(1795537536s + 1ns)), "2026-11-24T16:25:36.000000001Z");
    EXPECT_EQ(to_rfc3339(at(1795537536s + 120ns)), "2026-11-24T16:25:36.00000012Z");
    EXPECT_EQ(to_rfc3339(at(-1ns)), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(to_rfc3339_fixed(at(1795537536s + 500ms)), "2026-11-24T16:25:36.500000000Z");
}

TEST(rfc3339, never_is_the_first_of_january_of_year_one) {
    EXPECT_EQ(to_rfc3339({}), "0001-01-01T00:00:00Z");
    EXPECT_EQ(to_rfc3339_fixed({}), "0001-01-01T00:00:00.000000000Z");
    EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), clock::time_point{});
    EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00.000Z"), clock::time_point{});
}

TEST(rfc3339, offsets_and_fractions_are_read) {
    EXPECT_EQ(parse_rfc3339("2026-11-24T16:25:36Z"), at(1795537536s));
    EXPECT_EQ(parse_rfc3339("2026-11-24T17:25:36.25+01:00"), at(1795537536s + 250ms));
    EXPECT_EQ(parse_rfc3339("2026-11-24t11:55:36.1234567899-04:30"), at(1795537536s + 123456789ns));
    EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), at(1709164800s));
}

TEST(rfc3339, what_is_no_moment_is_not_read) {
    for (const auto* text : {"",
                             "2026",
                             "2026-11-24",
                             "2026-11-24T16:25:36",
                             "2026-11-24 16:25:36Z",
                             "2026-13-24T16:25:36Z",
                             "2026-02-29T16:25:36Z",
                             "2026-11-24T24:25:36Z",
                             "2026-11-24T16:60:36Z",
                             "2026-11-24T16:25:61Z",
                             "2026-11-24T16:25:36.Z",
                             "2026-11-24T16:25:36Zx",
                             "2026-11-24T16:25:36+1:00",
                             "2026-11-24T16:25:36+24:00",
                             "+026-11-24T16:25:36Z",
                             "2026-11-24T16:25:3 Z",
                             "1500-01-01T00:00:00Z",
                             "2300-01-01T00:00:00Z",
                             "9999-12-31T23:59:60Z",
                             "2026-00-10T00:00:00Z",
                             "2026-01-00T00:00:00Z"})
        EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
}

TEST(rfc3339, what_is_written_reads_back_the_same) {
    for (const auto nanos :
         {1ns, 999'999'999ns, 1'000'000'000ns, 1'795'537'536'123'456'789ns, -2'000'000'000'000'000'001ns})
        EXPECT_EQ(parse_rfc3339(to_rfc3339(at(nanos))), at(nanos));
}

} // namespace
} // namespace davit
