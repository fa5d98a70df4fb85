#include "cli/pull_progress.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace davit::cli {
namespace {

api::progress_message layer(std::string id, std::string status, std::int64_t current = 0, std::int64_t total = 0) {
    api::progress_message made;
    made.id = std::move(id);
    made.status = std::move(status);
    if (total) {
        made.detail = api::progress_detail{current, total};
        made.progress = "[=>   ] drawn by the engine";
    }
    return made;
}

TEST(progress_display, away_from_a_terminal_each_change_is_a_plain_line_and_amounts_are_none) {
    progress_display display{stdout, 0};
    EXPECT_EQ(display.render(layer("aa", "Pulling fs layer")), "aa: Pulling fs layer\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 1, 9)), "");
    EXPECT_EQ(display.render(layer("aa", "Pull complete")), "aa: Pull complete\n");
    EXPECT_EQ(display.render(layer("", "Digest: sha256:00")), "Digest: sha256:00\n");
}

TEST(progress_display, on_a_terminal_each_layer_keeps_its_line) {
    progress_display display{stdout, 80};
    EXPECT_EQ(display.render(layer("aa", "Waiting")), "\x1b[2Kaa: Waiting\n");
    EXPECT_EQ(display.render(layer("bb", "Waiting")), "\x1b[2Kbb: Waiting\n");
    EXPECT_EQ(display.render(layer("aa", "Downloading", 1000, 9000)),
              "\x1b[2A\r\x1b[2Kaa: Downloading      1kB/9kB\x1b[2B\r");
    EXPECT_EQ(display.render(layer("bb", "Pull complete")), "\x1b[1A\r\x1b[2Kbb: Pull complete\x1b[1B\r");
}

TEST(progress_display, a_wide_terminal_has_a_bar) {
    progress_display display{stdout, 200};
    EXPECT_EQ(display.render(layer("aa", "Downloading", 5000, 10000)),
              "\x1b[2Kaa: Downloading [" + std::string(25, '=') + ">" + std::string(25, ' ') + "]      5kB/10kB\n");
}

TEST(progress_display, a_registrys_text_moves_no_cursor) {
    progress_display display{stdout, 80};
    auto hostile = layer("a\x1b[9Aa", "Wait\ning\x07");
    hostile.progress = "\x1b]0;mine\x07\xc2\x9b"
                       "2J";
    EXPECT_EQ(display.render(hostile), "\x1b[2Ka[9Aa: Waiting ]0;mine2J\n");
}

TEST(progress_display, an_error_in_the_stream_is_thrown_in_the_engines_words) {
    progress_display display{stdout, 0};
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
