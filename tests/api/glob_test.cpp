#include "api/glob.h"

#include <string>

#include <gtest/gtest.h>

#include "api/image_views.h"

namespace davit::api {
namespace {

TEST(glob, a_star_stops_at_a_slash) {
    EXPECT_TRUE(matches_glob("busy*", "busybox:1.36"));
    EXPECT_FALSE(matches_glob("*", "you/app"));
    EXPECT_TRUE(matches_glob("*/*", "you/app"));
    EXPECT_TRUE(matches_glob("b?sybox", "busybox"));
    EXPECT_FALSE(matches_glob("b?sybox", "bsybox"));
    EXPECT_TRUE(matches_glob("[a-c]x", "bx"));
    EXPECT_TRUE(matches_glob("[^a-c]x", "dx"));
    EXPECT_TRUE(matches_glob("\\*", "*"));
    EXPECT_FALSE(matches_glob("\\*", "a"));
    EXPECT_FALSE(matches_glob("[a", "a"));
    EXPECT_TRUE(matches_glob("*a*b*c", "xxaxxbxxc"));
    EXPECT_FALSE(matches_glob("*a*b*c", "xxaxxbxx"));
    EXPECT_FALSE(matches_glob("", "a"));
}

TEST(glob, many_stars_take_bounded_work) {
    std::string pattern;
    for (int i = 0; i < 1000; ++i) pattern += "*a";
    EXPECT_FALSE(matches_glob(pattern + "b", std::string(900, 'a')));
}

TEST(glob, the_reference_filter_takes_a_repository_alone_or_with_its_tag) {
    EXPECT_TRUE(matches_reference("busybox", "busybox:1.36"));
    EXPECT_TRUE(matches_reference("busybox:1.*", "busybox:1.36"));
    EXPECT_FALSE(matches_reference("busybox:2.*", "busybox:1.36"));
    EXPECT_TRUE(matches_reference("localhost:5000/app", "localhost:5000/app:1"));
    EXPECT_TRUE(matches_reference("localhost:5000/app", "localhost:5000/app"));
    EXPECT_TRUE(matches_reference("app", "app@sha256:0123"));
}

} // namespace
} // namespace davit::api
