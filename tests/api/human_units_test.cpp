#include "api/types/human_units.h"

#include <gtest/gtest.h>

namespace davit::api {
namespace {

using namespace std::chrono_literals;

TEST(human_units, sizes_have_four_digits) {
    EXPECT_EQ(human_size(0), "0B");
    EXPECT_EQ(human_size(999), "999B");
    EXPECT_EQ(human_size(1000), "1kB");
    EXPECT_EQ(human_size(1'234'567), "1.235MB");
    EXPECT_EQ(human_size(67'108'864), "67.11MB");
    EXPECT_EQ(human_size(4.2e9), "4.2GB");
}

TEST(human_units, spans_are_words) {
    EXPECT_EQ(human_duration(-5s), "Less than a second");
    EXPECT_EQ(human_duration(999ms), "Less than a second");
    EXPECT_EQ(human_duration(1s), "1 second");
    EXPECT_EQ(human_duration(59s), "59 seconds");
    EXPECT_EQ(human_duration(60s), "About a minute");
    EXPECT_EQ(human_duration(119s), "About a minute");
    EXPECT_EQ(human_duration(59min), "59 minutes");
    EXPECT_EQ(human_duration(60min), "About an hour");
    EXPECT_EQ(human_duration(89min), "About an hour");
    EXPECT_EQ(human_duration(90min), "2 hours");
    EXPECT_EQ(human_duration(47h), "47 hours");
    EXPECT_EQ(human_duration(48h), "2 days");
    EXPECT_EQ(human_duration(24h * 14), "2 weeks");
    EXPECT_EQ(human_duration(24h * 60), "2 months");
    EXPECT_EQ(human_duration(24h * 730), "2 years");
}

TEST(human_units, progress_is_drawn_over_fifty_places) {
    EXPECT_EQ(progress_bar(0, 0), "");
    EXPECT_EQ(progress_bar(0, 100), "[>                                                  ]       0B/100B");
    EXPECT_EQ(progress_bar(50, 100), "[=========================>                         ]      50B/100B");
    EXPECT_EQ(progress_bar(100, 100), "[==================================================>]     100B/100B");
    EXPECT_EQ(progress_bar(300, 100), "[==================================================>]     300B");
    EXPECT_EQ(progress_bar(1'500'000, 0), "   1.5MB");
}

} // namespace
} // namespace davit::api
