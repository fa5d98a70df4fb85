#include "io/url.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace davit::io {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(url, is_taken_apart_and_put_together) {
    const url full = url::parse("HTTPS://user:p%40ss@Example.org:8443/a/b?c=d&e#f");
    EXPECT_EQ(full.scheme, "https");
    EXPECT_EQ(full.user_info, "user:p%40ss");
    EXPECT_EQ(full.host, "example.org");
    EXPECT_EQ(full.port, 8443);
    EXPECT_EQ(full.path, "/a/b");
    EXPECT_EQ(full.query, "c=d&e");
    EXPECT_EQ(full.fragment, "f");
    EXPECT_EQ(full.to_string(), "https://example.org:8443/a/b?c=d&e#f") << "without the password";
    EXPECT_EQ(url::parse("http://x").target(), "/");
    EXPECT_EQ(url::parse("http://x?q").target(), "/?q");
    EXPECT_EQ(url::parse("http://[::1]:5000/v2/").host, "::1");
    EXPECT_EQ(url::parse("http://[::1]:5000/v2/").authority(), "[::1]:5000");
    EXPECT_EQ(url::parse("https://x:443").authority(), "x");
    EXPECT_EQ(url::parse("http://x").effective_port(), 80);
}

TEST(url, refuses_what_is_none) {
    for (const char* bad : {"",
                            "x",
                            "/path",
                            "http:/x",
                            "http://",
                            "http:///p",
                            "http://x:0",
                            "http://x:65536",
                            "http://x:8a",
                            "http://x y",
                            "http://x/\r\nHost: y",
                            "http://x/%",
                            "http://x/%zz",
                            "http://[::1",
                            "http://[x]/",
                            "http://[::1]x",
                            "http://a@b@c/%0",
                            "1http://x",
                            "http://x\\y/",
                            "http://x<y>/"})
        EXPECT_THROW(url::parse(bad), error) << bad;
}

// RFC 3986 §5.4.
TEST(url, what_is_refused_is_shown_without_its_secrets) {
    const url base = url::parse("https://registry.test/v2/");
    for (const char* text :
         {"https://user:secret@host:port/path?signature=secret", "https://user:secret@/x#secret", "//secret@[::1/x",
          "https://user:secret@host/a b", "/path with blank?signature=secret", "https://ho%st?signature=secret"}) {
        try {
            base.resolve(text);
            ADD_FAILURE() << text;
        } catch (const error& e) {
            EXPECT_THAT(e.what(), Not(HasSubstr("secret"))) << text;
            EXPECT_THAT(e.what(), HasSubstr("is no valid URL"));
        }
    }
}

TEST(url, resolves_references_as_the_standard_does) {
    const url base = url::parse("http://a/b/c/d;p?q");
    const std::pair<const char*, const char*> cases[]{
        {"g", "http://a/b/c/g"},      {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},    {"/g", "http://a/g"},
        {"//g", "http://g/"},         {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},  {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},  {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},   {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},      {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},     {"../..", "http://a/"},
        {"../../g", "http://a/g"},    {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},       {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},    {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},   {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"}, {"https://b:1/x/../y", "https://b:1/y"},
    };
    for (const auto& [reference, expected] : cases)
        EXPECT_EQ(base.resolve(reference).to_string(), expected) << reference;
    EXPECT_THROW(base.resolve("a b"), error);
    EXPECT_EQ(url::parse("http://u:p@a/x").resolve("//b/y").user_info, "") << "credentials stay with their host";
}

TEST(url, decodes_and_encodes_percent_codes) {
    EXPECT_EQ(percent_decode("a%2Fb%20c+d"), "a/b c+d");
    EXPECT_THROW(percent_decode("%"), error);
    EXPECT_THROW(percent_decode("%4"), error);
    EXPECT_THROW(percent_decode("%g0"), error);
    EXPECT_THROW(percent_decode("a%00b"), error);
    EXPECT_EQ(percent_decode("%41"), "A");
    EXPECT_EQ(percent_encode("a/b \xff", "/"), "a/b%20%FF");
}

TEST(url_query, keeps_order_and_repeated_names) {
    const url_query query = url_query::parse("a=1&b=x+y%26z&&a=2&flag&empty=");
    EXPECT_EQ(query.find("a"), "1");
    EXPECT_THAT(query.all("a"), ::testing::ElementsAre("1", "2"));
    EXPECT_EQ(query.find("b"), "x y&z");
    EXPECT_EQ(query.find("flag"), "");
    EXPECT_EQ(query.find("absent"), std::nullopt);
    EXPECT_EQ(query.to_string(), "a=1&b=x%20y%26z&a=2&flag=&empty=");
    EXPECT_THROW(url_query::parse("a=%"), error);
    EXPECT_EQ(split_target("/p?q?r").query, "q?r");
    EXPECT_EQ(split_target("/p").path, "/p");
}

} // namespace
} // namespace davit::io
