#include "api/name_pattern.h"

#include <gtest/gtest.h>

namespace davit::api {
namespace {

bool matches(const char* pattern, const char* text) {
    return name_pattern{pattern}.matches(text);
}

TEST(name_pattern, matches_anywhere_unless_it_is_anchored) {
    EXPECT_TRUE(matches("b", "abc"));
    EXPECT_TRUE(matches("", "abc"));
    EXPECT_FALSE(matches("^b", "abc"));
    EXPECT_TRUE(matches("^/ab", "/abc"));
    EXPECT_TRUE(matches("^abc$", "abc"));
    EXPECT_FALSE(matches("^ab$", "abc"));
    EXPECT_TRUE(matches("bc$", "abc"));
}

TEST(name_pattern, repeats_alternatives_and_classes) {
    EXPECT_TRUE(matches("^a*b+c?$", "aabb"));
    EXPECT_FALSE(matches("^a*b+c?$", "aac"));
    EXPECT_TRUE(matches("^(web|db|cache)_[0-9]+$", "db_12"));
    EXPECT_TRUE(matches("^(web|db|cache)_[0-9]+$", "cache_1"));
    EXPECT_FALSE(matches("^(web|db|cache)_[0-9]+$", "app_1"));
    EXPECT_TRUE(matches("^x?y*z$", "z"));
    EXPECT_TRUE(matches("^x?y*z$", "xyyz"));
    EXPECT_TRUE(matches("^[^a-c]$", "d"));
    EXPECT_FALSE(matches("^[^a-c]$", "b"));
    EXPECT_TRUE(matches("^[]x]$", "]"));
    EXPECT_TRUE(matches("^a.c$", "abc"));
    EXPECT_TRUE(matches("^a\\.c$", "a.c"));
    EXPECT_FALSE(matches("^a\\.c$", "abc"));
    EXPECT_TRUE(matches("^\\w+-\\d{2}$", "run-12"));
    EXPECT_FALSE(matches("^\\w+-\\d{2}$", "run-123"));
    EXPECT_TRUE(matches("^a{2,3}$", "aaa"));
    EXPECT_FALSE(matches("^a{2,3}$", "aaaa"));
    EXPECT_TRUE(matches("^(ab){2,}$", "ababab"));
    EXPECT_TRUE(matches("^(?:a|)b$", "b"));
    EXPECT_TRUE(matches("^a{x$", "a{x"));
}

TEST(name_pattern, one_that_is_not_well_formed_matches_itself_only) {
    for (const char* pattern : {"(", ")", "[a", "a)", "*a", "a{3,2}", "\\", "\\q", "(a", "[b-a]", "a{1001}"}) {
        EXPECT_TRUE(matches(pattern, pattern)) << pattern;
        EXPECT_FALSE(matches(pattern, "a")) << pattern;
    }
}

TEST(name_pattern, hostile_patterns_take_bounded_work) {
    const std::string name(128, 'a');
    EXPECT_FALSE(name_pattern{"((((a*)*)*)*)b"}.matches(name));
    EXPECT_FALSE(name_pattern{"(a|a|a|a|a)*b"}.matches(name));
    EXPECT_FALSE(name_pattern{"((a{1000}){1000}){1000}"}.matches(name));
    EXPECT_FALSE(name_pattern{std::string(100 * 1024, '(')}.matches(name));
    EXPECT_FALSE(name_pattern{std::string(900, '(')}.matches(name));
}

} // namespace
} // namespace davit::api
