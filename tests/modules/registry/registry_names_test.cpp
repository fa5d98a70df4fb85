#include "modules/registry/registry_names.h"

#include <gtest/gtest.h>

namespace davit {
namespace {

TEST(registry_names, takes_the_names_that_the_specification_allows) {
    for (const char* name : {"a", "busybox", "library/busybox", "a.b", "a_b", "a__b", "a---b", "a/b/c", "0/1", "a-b.c"})
        EXPECT_TRUE(is_repository_name(name)) << name;
}

TEST(registry_names, refuses_whatever_could_become_another_path) {
    for (const char* name : {"", "/", "/a", "a/", "a//b", "..", "a/../b", "a/..", ".a", "a.", "a..b", "a___b", "_a",
                             "A", "a b", "a%2fb", "a\nb", "a/_blobs"})
        EXPECT_FALSE(is_repository_name(name)) << name;
    EXPECT_FALSE(is_repository_name(std::string(256, 'a')));
    EXPECT_FALSE(is_repository_name(std::string_view{"a\0b", 3}));
}

TEST(registry_names, upload_ids_are_random_and_recognised) {
    const std::string first = make_upload_id();
    EXPECT_TRUE(is_upload_id(first));
    EXPECT_NE(first, make_upload_id());
    EXPECT_FALSE(is_upload_id("../../x"));
    EXPECT_FALSE(is_upload_id(first + "0"));
}

} // namespace
} // namespace davit
