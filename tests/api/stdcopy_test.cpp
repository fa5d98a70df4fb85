#include "api/stdcopy.h"

#include <gtest/gtest.h>

namespace davit::api {
namespace {

using namespace std::string_literals;

log_batch two_lines() {
    log_batch batch;
    batch.bytes = "out\nerr";
    const auto second = std::chrono::system_clock::time_point{std::chrono::seconds{1}};
    batch.messages = {{output_stream::standard_output, second, 0, 4}, {output_stream::standard_error, second, 4, 3}};
    return batch;
}

TEST(stdcopy, a_frame_says_its_stream_and_its_length) {
    std::string frame;
    append_frame(frame, output_stream::standard_error, std::string(258, 'x'));
    EXPECT_EQ(frame.substr(0, 8), "\2\0\0\0\0\0\1\2"s);
    EXPECT_EQ(frame.substr(8), std::string(258, 'x'));
}

TEST(stdcopy, nothing_is_no_frame) {
    std::string frame;
    append_frame(frame, output_stream::standard_output, "");
    EXPECT_EQ(frame, "");
}

TEST(stdcopy, each_message_is_a_frame) {
    std::string text;
    append_messages(text, two_lines(), {true, false, {}});
    EXPECT_EQ(text, "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\3err"s);
}

TEST(stdcopy, a_timestamp_is_inside_the_frame) {
    std::string text;
    append_messages(text, two_lines(), {true, true, {}});
    EXPECT_EQ(text.substr(0, 8), "\1\0\0\0\0\0\0\x23"s);
    EXPECT_EQ(text.substr(8, 35), "1970-01-01T00:00:01.000000000Z out\n");
}

TEST(stdcopy, details_stand_before_the_message_and_count_as_its_bytes) {
    std::string text;
    append_messages(text, two_lines(), {true, false, "a=1 "});
    EXPECT_EQ(text, "\1\0\0\0\0\0\0\10a=1 out\n\2\0\0\0\0\0\0\7a=1 err"s);
    EXPECT_EQ(log_details({{"b", "x,y"}, {"a", "1 2"}}), "a=1+2,b=x%2Cy ");
    EXPECT_EQ(log_details({}), " ");
}

TEST(stdcopy, a_terminal_has_no_frames) {
    std::string text;
    append_messages(text, two_lines(), {false, false, {}});
    EXPECT_EQ(text, "out\nerr");
}

} // namespace
} // namespace davit::api
