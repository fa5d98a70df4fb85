#include "api/registry_credentials.h"

#include <gtest/gtest.h>

namespace davit::api {
namespace {

TEST(registry_credentials, are_read_from_both_alphabets_with_and_without_padding) {
    EXPECT_EQ(decode_base64("Zm9v"), "foo");
    EXPECT_EQ(decode_base64("Zm8="), "fo");
    EXPECT_EQ(decode_base64("Zg"), "f");
    EXPECT_EQ(decode_base64("-_8="), "\xfb\xff");
    EXPECT_EQ(decode_base64("+/8="), "\xfb\xff");
    EXPECT_FALSE(decode_base64("Z"));
    EXPECT_FALSE(decode_base64("Zm9v!"));
    EXPECT_FALSE(decode_base64("Zm=v"));
}

TEST(registry_credentials, name_the_user_and_the_password) {
    // {"username":"u","password":"p","serveraddress":"r:5000"}
    const auto read =
        parse_registry_auth("eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoicjo1MDAwIn0=");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->username, "u");
    EXPECT_EQ(read->password, "p");
    EXPECT_EQ(read->server_address, "r:5000");
}

TEST(registry_credentials, a_header_that_says_nothing_or_cannot_be_read_gives_none) {
    for (const char* header : {"", "e30=", "e30", "!!!", "bnVsbA==", "W10="})
        EXPECT_FALSE(parse_registry_auth(header)) << header;
}

} // namespace
} // namespace davit::api
