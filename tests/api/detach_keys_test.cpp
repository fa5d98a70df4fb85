#include "api/detach_keys.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit::api {
namespace {

struct fed {
    std::string forwarded;
    bool has_detached = false;
};

fed feed(const char* keys, std::initializer_list<std::string_view> typed) {
    detach_watch watch{parse_detach_keys(keys)};
    fed result;
    for (const auto part : typed) {
        result.has_detached = watch.feed(part, result.forwarded);
        if (result.has_detached) break;
    }
    return result;
}

TEST(detach_keys, are_read_in_dockers_notation) {
    EXPECT_EQ(parse_detach_keys(""), "\x10\x11");
    EXPECT_EQ(parse_detach_keys("ctrl-a,x"), "\x01x");
    EXPECT_EQ(parse_detach_keys("ctrl-@"), std::string(1, '\0'));
    EXPECT_EQ(parse_detach_keys("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"), "\x1b\x1c\x1d\x1e\x1f");
    EXPECT_EQ(parse_detach_keys("DEL"), "\x7f");
    for (const char* wrong : {"ctrl-A", "ctrl-", "ctrl-ab", "xy", "a,", ",", "ctrl-1"}) {
        try {
            parse_detach_keys(wrong);
            ADD_FAILURE() << wrong;
        } catch (const error& e) {
            EXPECT_EQ(e.text(), fmt::format("Invalid detach keys ({}) provided", wrong));
        }
    }
}

TEST(detach_watch, sees_the_sequence_across_reads_and_keeps_it_from_the_container) {
    const auto result = feed("ctrl-p,ctrl-q", {"ls\n\x10", "\x11", "never read"});
    EXPECT_TRUE(result.has_detached);
    EXPECT_EQ(result.forwarded, "ls\n");
}

TEST(detach_watch, a_broken_sequence_reaches_the_container_whole) {
    const auto result = feed("ctrl-p,ctrl-q", {"\x10", "x\x10", "y"});
    EXPECT_FALSE(result.has_detached);
    EXPECT_EQ(result.forwarded, "\x10x\x10y");
}

TEST(detach_watch, a_sequence_may_begin_inside_a_broken_one) {
    const auto result = feed("a,a,b", {"aaab", "x"});
    EXPECT_TRUE(result.has_detached);
    EXPECT_EQ(result.forwarded, "a");
    EXPECT_TRUE(feed("ctrl-p,ctrl-q", {"\x10\x10\x11"}).has_detached);
}

TEST(detach_watch, one_key_is_enough_when_it_was_asked_for) {
    const auto result = feed("x", {"abxcd"});
    EXPECT_TRUE(result.has_detached);
    EXPECT_EQ(result.forwarded, "ab");
}

} // namespace
} // namespace davit::api
