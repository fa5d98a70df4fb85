#include "core/reference.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

const std::string some_digest = "sha256:" + std::string(64, 'a');

std::string refusal(std::string_view text) {
    try {
        return "accepted as " + image_reference::parse(text).text();
    } catch (const error& refused) {
        EXPECT_EQ(refused.category(), errc::invalid);
        return refused.text();
    }
}

struct normalisation {
    std::string given;
    std::string full;
    std::string familiar;
};

TEST(reference, names_are_normalised_as_docker_does) {
    for (const auto& [given, full, familiar] : std::vector<normalisation>{
             {"busybox", "docker.io/library/busybox", "busybox"},
             {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
             {"docker.io/busybox", "docker.io/library/busybox", "busybox"},
             {"index.docker.io/busybox", "docker.io/library/busybox", "busybox"},
             {"docker.io/library/busybox", "docker.io/library/busybox", "busybox"},
             {"library/busybox", "docker.io/library/busybox", "busybox"},
             {"you/app", "docker.io/you/app", "you/app"},
             {"library/a/b", "docker.io/library/a/b", "library/a/b"},
             {"localhost/app", "localhost/app", "localhost/app"},
             {"localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"},
             {"registry.example/app", "registry.example/app", "registry.example/app"},
             {"127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000/a/b/c:x"},
             {"[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"},
             {"[2001:db8::1]/app:t", "[2001:db8::1]/app:t", "[2001:db8::1]/app:t"},
             {"Upper/app", "Upper/app", "Upper/app"},
             {"xn--bcher-kva.example:80/a", "xn--bcher-kva.example:80/a", "xn--bcher-kva.example:80/a"},
             {"docker.io/has.dot/app", "docker.io/has.dot/app", "docker.io/has.dot/app"},
             {"docker.io/localhost/app", "docker.io/localhost/app", "docker.io/localhost/app"},
             {"a__b/c--d.e_f", "docker.io/a__b/c--d.e_f", "a__b/c--d.e_f"},
             {"app@" + some_digest, "docker.io/library/app@" + some_digest, "app@" + some_digest},
             {"app:v1@" + some_digest, "docker.io/library/app:v1@" + some_digest, "app:v1@" + some_digest},
             {"127.0.0.1:5000/app@" + some_digest, "127.0.0.1:5000/app@" + some_digest,
              "127.0.0.1:5000/app@" + some_digest},
             {"docker.io/" + std::string(64, 'a'), "docker.io/library/" + std::string(64, 'a'),
              "docker.io/library/" + std::string(64, 'a')},
         }) {
        const auto value = image_reference::parse(given);
        EXPECT_EQ(value.text(), full);
        EXPECT_EQ(value.familiar(), familiar);
        EXPECT_EQ(image_reference::parse(value.text()), value);
        EXPECT_EQ(image_reference::parse(value.familiar()), value);
    }
}

TEST(reference, its_parts_can_be_asked_for) {
    const auto value = image_reference::parse("registry.example:5000/you/app:v1@" + some_digest);
    EXPECT_EQ(value.domain(), "registry.example:5000");
    EXPECT_EQ(value.path(), "you/app");
    EXPECT_EQ(value.tag(), "v1");
    EXPECT_EQ(value.digest(), digest::parse(some_digest));
    EXPECT_EQ(value.name(), "registry.example:5000/you/app");
    EXPECT_EQ(value.repository().text(), "registry.example:5000/you/app");
    EXPECT_TRUE(value.repository().names_repository_only());
}

TEST(reference, the_default_tag_is_added_only_where_nothing_is_named) {
    EXPECT_EQ(image_reference::parse_with_default_tag("busybox").text(), "docker.io/library/busybox:latest");
    EXPECT_EQ(image_reference::parse_with_default_tag("busybox:1").tag(), "1");
    EXPECT_EQ(image_reference::parse_with_default_tag("busybox@" + some_digest).tag(), "");
    EXPECT_EQ(image_reference::parse("busybox").tag(), "");
    EXPECT_EQ(image_reference::parse("a").with_tag("b").familiar(), "a:b");
    EXPECT_THROW(image_reference::parse("a").with_tag("-b"), error);
}

TEST(reference, texts_outside_the_grammar_are_refused) {
    for (const std::string& text : std::vector<std::string>{"",
                                                            "/",
                                                            ":",
                                                            "@",
                                                            "a/",
                                                            "/a",
                                                            "a//b",
                                                            "a:",
                                                            "a:b:c",
                                                            ":tag",
                                                            "a@",
                                                            "a@sha256:abc",
                                                            "a@md5:" + std::string(32, 'a'),
                                                            "a@SHA256:" + std::string(64, 'a'),
                                                            "-a",
                                                            "a-",
                                                            "a..b",
                                                            "a___b",
                                                            "a_-b",
                                                            "a.-b",
                                                            "_a",
                                                            ".a",
                                                            "a b",
                                                            " a",
                                                            "a\n",
                                                            "a:-t",
                                                            "a:.t",
                                                            "a:t/b",
                                                            "registry.example/",
                                                            "registry.example:/a",
                                                            "registry.example:x/a",
                                                            "-bad.example/a",
                                                            "bad-.example/a",
                                                            "a..example/a",
                                                            "foo_bar.example/a",
                                                            "[::1/a",
                                                            "[]/a",
                                                            "[::1]x/a",
                                                            "[::g]/a",
                                                            "::1/a",
                                                            "http://registry.example/a",
                                                            "a:" + std::string(129, 't'),
                                                            std::string{"a\0b", 3},
                                                            "../a",
                                                            "a/../b",
                                                            "ä",
                                                            "a@" + some_digest + "@" + some_digest,
                                                            std::string(256, 'd') + ".example/a",
                                                            "https://a"})
        EXPECT_EQ(refusal(text), "invalid reference format") << text;
}

TEST(reference, dockers_special_sentences_are_kept) {
    EXPECT_EQ(refusal("Busybox"), "invalid reference format: repository name (library/Busybox) must be lowercase");
    EXPECT_EQ(refusal("registry.example/you/App:v1"),
              "invalid reference format: repository name (you/App) must be lowercase");
    EXPECT_EQ(refusal(std::string(64, 'a')),
              "invalid repository name (" + std::string(64, 'a') + "), cannot specify 64-byte hexadecimal strings");
    EXPECT_EQ(refusal("x/" + std::string(254, 'a')), "repository name must not be more than 255 characters");
    EXPECT_EQ(image_reference::parse("x/" + std::string(253, 'a')).path().size(), 255u);
    EXPECT_EQ(image_reference::parse("a:" + std::string(128, 't')).tag().size(), 128u);
}

} // namespace
} // namespace davit
