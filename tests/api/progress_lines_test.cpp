#include "api/progress_lines.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace davit::api {
namespace {

TEST(progress_lines, look_as_dockers_do) {
    EXPECT_EQ(progress_line({"latest", "Pulling from library/busybox", 0, 0, false}),
              "{\"status\":\"Pulling from library/busybox\",\"id\":\"latest\"}\n");
    EXPECT_EQ(progress_line({"0123456789ab", "Pulling fs layer", 0, 0, false}),
              "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"0123456789ab\"}\n");
    EXPECT_EQ(
        progress_line({"0123456789ab", "Downloading", 0, 100, true}),
        "{\"status\":\"Downloading\",\"progressDetail\":{\"total\":100},\"progress\":\"[>                         "
        "                         ]       0B/100B\",\"id\":\"0123456789ab\"}\n");
    EXPECT_EQ(progress_line({"", "Status: Image is up to date for busybox:latest", 0, 0, false}),
              "{\"status\":\"Status: Image is up to date for busybox:latest\"}\n");
    EXPECT_EQ(failure_line("no"), "{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\n");
}

TEST(progress_lines, a_slow_reader_sees_every_step_and_the_newest_amounts_of_each) {
    progress_lines lines;
    for (std::uint64_t at = 1; at <= 1000; ++at) {
        lines.add({"a", "Downloading", at, 1000, true});
        lines.add({"b", "Downloading", at, 2000, true});
    }
    lines.add({"a", "Pull complete", 0, 0, false});
    const auto text = lines.take();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_NE(text.find(R"("current":1000,"total":1000)"), std::string::npos);
    EXPECT_NE(text.find(R"("current":1000,"total":2000)"), std::string::npos);
    EXPECT_NE(text.find("Pull complete"), std::string::npos);
    EXPECT_TRUE(lines.is_empty());
}

} // namespace
} // namespace davit::api
