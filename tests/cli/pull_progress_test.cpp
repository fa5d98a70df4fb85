#include "cli/pull_progress.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace davit::cli {
namespace {

constexpr terminal_size none{0, 0}, usual{24, 80};

api::progress_message layer(std::string id, std::string status, std::int64_t current = 0, std::int64_t total = 0) {
    api::progress_message made;
    made.id = std::move(id);
    made.status = std::move(status);
    made.detail = api::progress_detail{current, total};
    if (total) made.progress = "[=>   ] drawn by the engine";
    return made;
}

api::progress_message plain(std::string id, std::string status) {
    api::progress_message made;
    made.id = std::move(id);
    made.status = std::move(status);
    return made;
}

TEST(progress_display, away_from_a_terminal_each_change_is_a_plain_line_and_amounts_are_none) {
    progress_display display{stdout};
    EXPECT_EQ(display.render(layer("aa", "Pulling fs layer"), none), "aa: Pulling fs layer\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 1, 9), none), "");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 7), none), "") << "of a size that is not known";
    EXPECT_EQ(display.render(layer("aa", "Pull complete"), none), "aa: Pull complete\n");
    EXPECT_EQ(display.render(plain("", "Digest: sha256:00"), none), "Digest: sha256:00\n");
}

TEST(progress_display, on_a_terminal_each_layer_keeps_its_line) {
    progress_display display{stdout};
    EXPECT_EQ(display.render(layer("aa", "Waiting"), usual), "\x1b[2Kaa: Waiting\n");
    EXPECT_EQ(display.render(layer("bb", "Waiting"), usual), "\x1b[2Kbb: Waiting\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 1000, 9000), usual),
              "\x1b[2A\r\x1b[2Kaa: Downloading      1kB/9kB\x1b[2B\r");
    EXPECT_EQ(display.render(layer("bb", "Pull complete"), usual), "\x1b[1A\r\x1b[2Kbb: Pull complete\x1b[1B\r");
}

TEST(progress_display, a_layer_of_the_next_tag_has_a_line_of_its_own_below_what_was_said_of_the_last_one) {
    progress_display display{stdout};
    display.render(plain("one", "Pulling from sample"), usual);
    display.render(layer("aa", "Pull complete"), usual);
    display.render(plain("", "Digest: sha256:00"), usual);
    EXPECT_EQ(display.render(plain("two", "Pulling from sample"), usual), "\x1b[2Ktwo: Pulling from sample\n");
    EXPECT_EQ(display.render(layer("aa", "Already exists"), usual), "\x1b[2Kaa: Already exists\n");
}

TEST(progress_display, a_wide_terminal_has_a_bar_and_one_that_has_become_narrow_has_none) {
    progress_display display{stdout};
    EXPECT_EQ(display.render(layer("aa", "Downloading", 5000, 10000), {24, 200}),
              "\x1b[2Kaa: Downloading [" + std::string(25, '=') + ">" + std::string(25, ' ') + "]      5kB/10kB\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 5000, 10000), usual),
              "\x1b[1A\r\x1b[2Kaa: Downloading      5kB/10kB\x1b[1B\r");
}

TEST(progress_display, no_line_is_longer_than_the_terminal_is_wide) {
    progress_display display{stdout};
    EXPECT_EQ(display.render(layer("aa", "Downloading", 5000, 10000), {24, 12}), "\x1b[2Kaa: Downlo…\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 5000, 10000), {24, 1}), "\x1b[1A\r\x1b[2K…\x1b[1B\r");
}

TEST(progress_display, a_line_above_the_terminals_first_is_not_drawn_over_another) {
    progress_display display{stdout};
    const terminal_size low{3, 80};
    for (const char* id : {"aa", "bb", "cc"}) display.render(layer(id, "Waiting"), low);
    EXPECT_EQ(display.render(layer("aa", "Pull complete"), low), "");
    EXPECT_EQ(display.render(layer("bb", "Pull complete"), low), "\x1b[2A\r\x1b[2Kbb: Pull complete\x1b[2B\r");
    EXPECT_EQ(display.render(layer("aa", "Pull complete"), usual), "\x1b[3A\r\x1b[2Kaa: Pull complete\x1b[3B\r");
}

TEST(progress_display, a_registrys_text_moves_no_cursor) {
    progress_display display{stdout};
    auto hostile = layer("a\x1b[9Aa", "Wait\ning\x07");
    hostile.progress = "\x1b]0;mine\x07\xc2\x9b"
                       "2J";
    EXPECT_EQ(display.render(hostile, usual), "\x1b[2Ka[9Aa: Waiting ]0;mine2J\n");
}

TEST(progress_display, an_error_in_the_stream_is_thrown_in_the_engines_words) {
    progress_display display{stdout};
    api::progress_message broken;
    broken.error = "the layer is damaged";
    try {
        display.show(broken);
        FAIL() << "nothing was thrown";
    } catch (const error& e) {
        EXPECT_EQ(e.text(), "the layer is damaged");
    }
}

TEST(line_splitter, lines_come_whole_however_their_bytes_arrive) {
    line_splitter lines;
    std::string line;
    lines.add("{\"a\"");
    EXPECT_FALSE(lines.next(line));
    lines.add(":1}\n{\"b\":2}\n{");
    EXPECT_TRUE(lines.next(line));
    EXPECT_EQ(line, "{\"a\":1}");
    EXPECT_TRUE(lines.next(line));
    EXPECT_EQ(line, "{\"b\":2}");
    EXPECT_FALSE(lines.next(line));
}

} // namespace
} // namespace davit::cli
