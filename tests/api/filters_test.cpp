#include "api/filters.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::api {
namespace {

TEST(filters, are_lists_of_values_by_name_and_the_old_form_is_read_too) {
    for (const char* json : {R"({"name":["a","b"],"label":[]})", R"({"name":{"a":true,"b":true,"c":false}})"}) {
        const auto only = filters::parse(json);
        EXPECT_THAT(only.values("name"), testing::UnorderedElementsAre("a", "b"));
        EXPECT_FALSE(only.has("label"));
    }
    EXPECT_TRUE(filters::parse("").is_empty());
    EXPECT_TRUE(filters::parse("null").is_empty());
}

TEST(filters, what_is_no_map_of_texts_is_refused) {
    for (const char* json : {"[]", "{", R"({"name":"a"})", R"({"name":[1]})", R"({"name":{"a":1}})", "{} {}"})
        EXPECT_NE(refusal_of([&] { filters::parse(json); }, errc::invalid), "") << json;
}

TEST(filters, an_unknown_name_is_refused_in_dockers_words) {
    EXPECT_EQ(refusal_of([] { filters::parse(R"({"x":["1"]})").allow({"name"}); }, errc::invalid),
              "invalid filter 'x'");
    EXPECT_EQ(refusal_of([] { filters::parse(R"({"x":[]})").allow({"name"}); }, errc::invalid), "invalid filter 'x'");
    EXPECT_EQ(refusal_of([] { filters::parse(R"({"name":["1"]})").allow({"name"}); }, errc::invalid), "");
}

TEST(filters, values_of_one_name_are_alternatives_and_labels_add_up) {
    const auto only = filters::parse(R"({"name":["ab","cd"],"label":["a","b=1"]})");
    EXPECT_TRUE(only.matches_exactly("name", "cd"));
    EXPECT_FALSE(only.matches_exactly("name", "c"));
    EXPECT_TRUE(only.matches_beginning("name", "cde"));
    EXPECT_TRUE(only.matches_exactly("status", "whatever"));
    EXPECT_TRUE(only.matches_labels("label", {{"a", "x"}, {"b", "1"}}));
    EXPECT_FALSE(only.matches_labels("label", {{"a", "x"}, {"b", "2"}}));
    EXPECT_FALSE(only.matches_labels("label", {{"b", "1"}}));
}

TEST(filters, a_truth_is_one_value_and_nothing_else) {
    EXPECT_TRUE(filters::parse(R"({"d":["true"]})").flag("d", false));
    EXPECT_FALSE(filters::parse(R"({"d":["0"]})").flag("d", true));
    EXPECT_TRUE(filters::parse("{}").flag("d", true));
    EXPECT_EQ(refusal_of([] { filters::parse(R"({"d":["maybe"]})").flag("d", true); }, errc::invalid),
              "invalid filter 'd=[maybe]'");
}

} // namespace
} // namespace davit::api
