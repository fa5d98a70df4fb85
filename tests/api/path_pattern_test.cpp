#include "api/path_pattern.h"

#include <gmock/gmock.h>

namespace davit::api {
namespace {

using testing::ElementsAre;

path_parameters matched(std::string_view pattern, std::string_view path) {
    const auto split = split_request_path(path);
    auto found = split ? match_path(pattern, split->segments) : std::nullopt;
    return found.value_or(path_parameters{{"no", "match"}});
}

TEST(path_pattern, a_version_is_taken_off_the_path) {
    EXPECT_EQ(split_request_path("/v1.41/info")->version, "1.41");
    EXPECT_THAT(split_request_path("/v1.41/info")->segments, ElementsAre("info"));
    EXPECT_EQ(split_request_path("/version")->version, "");
    EXPECT_THAT(split_request_path("/version")->segments, ElementsAre("version"));
}

TEST(path_pattern, ambiguous_paths_are_no_paths) {
    for (const char* path : {"", "info", "//info", "/a//b", "/./info", "/a/../info", "/%2e%2e/info", "/a%", "/%zz",
                             "/containers/..%2f..%2fx/json", "/v1.41//containers/create", "/a%00b", "/"})
        EXPECT_FALSE(split_request_path(path)) << path;
}

TEST(path_pattern, a_slash_at_the_end_begins_an_empty_segment_that_is_no_parameter) {
    EXPECT_THAT(split_request_path("/a/")->segments, ElementsAre("a", ""));
    EXPECT_FALSE(split_request_path("/a//"));
    EXPECT_THAT(matched("/containers/{id}", "/containers/"), ElementsAre(testing::Pair("no", "match")));
    EXPECT_THAT(matched("/containers/json", "/containers/json/"), ElementsAre(testing::Pair("no", "match")));
    EXPECT_THAT(matched("/images/{name...}/json", "/images/a/json/"), ElementsAre(testing::Pair("no", "match")));
    EXPECT_THAT(matched("/images/{name...}", "/images/"), ElementsAre(testing::Pair("name", "")));
    EXPECT_THAT(matched("/images/{name...}", "/images/a/"), ElementsAre(testing::Pair("name", "a/")));
}

TEST(path_pattern, one_parameter_is_one_segment) {
    EXPECT_THAT(matched("/containers/{id}/json", "/containers/ab%20c/json"), ElementsAre(testing::Pair("id", "ab c")));
    EXPECT_THAT(matched("/containers/{id}/json", "/containers/a/b/json"), ElementsAre(testing::Pair("no", "match")));
    EXPECT_THAT(matched("/containers/{id}/json", "/containers/json"), ElementsAre(testing::Pair("no", "match")));
}

TEST(path_pattern, an_image_name_may_have_slashes_written_or_encoded) {
    const auto name = testing::ElementsAre(testing::Pair("name", "localhost:5000/you/app:1"));
    EXPECT_THAT(matched("/images/{name...}/json", "/images/localhost:5000/you/app:1/json"), name);
    EXPECT_THAT(matched("/images/{name...}/json", "/images/localhost:5000%2Fyou%2fapp:1/json"), name);
    EXPECT_THAT(matched("/images/{name...}", "/images/localhost:5000/you/app:1"), name);
    EXPECT_THAT(matched("/images/{name...}/json", "/images/json"), ElementsAre(testing::Pair("no", "match")));
}

} // namespace
} // namespace davit::api
