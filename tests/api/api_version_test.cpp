#include "api/api_version.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::api {
namespace {

std::string refusal(const std::string& text) {
    return refusal_of([&] { check_is_spoken(*parse_api_version(text), text); }, errc::invalid);
}

TEST(api_version, is_two_numbers_and_what_follows_does_not_count) {
    EXPECT_EQ(parse_api_version("1.41"), (api_version{1, 41}));
    EXPECT_EQ(parse_api_version("1.41.7"), (api_version{1, 41}));
    EXPECT_EQ(parse_api_version("2"), (api_version{2, 0}));
    for (const char* text : {"", ".", "1.", ".1", "1..2", "a", "1.x", "-1.2", "1.99999999999999999999"})
        EXPECT_FALSE(parse_api_version(text)) << text;
}

TEST(api_version, versions_outside_the_spoken_ones_are_refused_in_dockers_words) {
    EXPECT_EQ(refusal("1.12"), "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade "
                               "your client to a newer version");
    EXPECT_EQ(refusal("1.99"), "client version 1.99 is too new. Maximum supported API version is 1.55");
    EXPECT_EQ(refusal("1.24"), "");
    EXPECT_EQ(refusal("1.55"), "");
}

} // namespace
} // namespace davit::api
