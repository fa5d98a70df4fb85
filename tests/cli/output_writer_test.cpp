#include "cli/output_writer.h"

#include <string>

#include <gtest/gtest.h>

namespace davit::cli {
namespace {

std::string frame(char stream, std::string payload) {
    return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(payload.size())} + payload;
}

struct written {
    std::string standard_output, standard_error;
};

/// What is printed when the bytes arrive in pieces of one size.
written write_in_pieces(attached_streams wants, const std::string& bytes, std::size_t size) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    output_writer writer{wants};
    for (std::size_t at = 0; at < bytes.size(); at += size) writer.write(std::string_view{bytes}.substr(at, size));
    written got;
    got.standard_output = testing::internal::GetCapturedStdout();
    got.standard_error = testing::internal::GetCapturedStderr();
    return got;
}

TEST(output_writer, frames_go_to_their_streams_however_they_are_cut) {
    const std::string bytes = frame(1, "out\n") + frame(2, "err\n") + frame(1, "more\n");
    for (const std::size_t size : {1u, 3u, 11u, 100u}) {
        const written got = write_in_pieces({}, bytes, size);
        EXPECT_EQ(got.standard_output, "out\nmore\n") << size;
        EXPECT_EQ(got.standard_error, "err\n") << size;
    }
}

TEST(output_writer, a_stream_that_is_not_wanted_is_left_out) {
    const written got = write_in_pieces({.standard_error = false}, frame(1, "out") + frame(2, "err"), 5);
    EXPECT_EQ(got.standard_output, "out");
    EXPECT_EQ(got.standard_error, "");
}

TEST(output_writer, a_terminals_bytes_have_no_frames) {
    EXPECT_EQ(write_in_pieces({.is_tty = true}, "\x01plain", 2).standard_output, "\x01plain");
}

} // namespace
} // namespace davit::cli
