#include "api/types/human_units.h"

#include <gtest/gtest.h>

namespace davit::cli {
namespace {

using namespace std::chrono_literals;

TEST(human_size, lists_show_three_digits_and_progress_four) {
    EXPECT_EQ(api::human_size(0, 3), "0B");
    EXPECT_EQ(api::human_size(999, 3), "999B");
    EXPECT_EQ(api::human_size(1'983'456, 3), "1.98MB");
    EXPECT_EQ(api::human_size(1'983'456), "1.983MB");
    EXPECT_EQ(api::human_size(123'456'789, 3), "123MB");
}

TEST(human_duration, spans_are_words_as_large_as_they_fit) {
    EXPECT_EQ(api::human_duration(400ms), "Less than a second");
    EXPECT_EQ(api::human_duration(1s), "1 second");
    EXPECT_EQ(api::human_duration(59s), "59 seconds");
    EXPECT_EQ(api::human_duration(61s), "About a minute");
    EXPECT_EQ(api::human_duration(59min), "59 minutes");
    EXPECT_EQ(api::human_duration(70min), "About an hour");
    EXPECT_EQ(api::human_duration(47h), "47 hours");
    EXPECT_EQ(api::human_duration(49h), "2 days");
    EXPECT_EQ(api::human_duration(24h * 20), "2 weeks");
    EXPECT_EQ(api::human_duration(24h * 100), "3 months");
    EXPECT_EQ(api::human_duration(24h * 365 * 3), "3 years");
}

} // namespace
} // namespace davit::cli
