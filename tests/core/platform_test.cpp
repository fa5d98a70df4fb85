#include "core/platform.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

std::vector<std::string> order_for(std::string_view text) {
    std::vector<std::string> texts;
    for (const auto& one : choice_order(parse_platform(text))) texts.push_back(one.text());
    return texts;
}

TEST(platform, texts_are_read_and_normalised) {
    EXPECT_EQ(parse_platform("linux/amd64").text(), "linux/amd64");
    EXPECT_EQ(parse_platform("Linux/x86_64").text(), "linux/amd64");
    EXPECT_EQ(parse_platform("linux/amd64/v1").text(), "linux/amd64");
    EXPECT_EQ(parse_platform("linux/amd64/v3").text(), "linux/amd64/v3");
    EXPECT_EQ(parse_platform("linux/aarch64").text(), "linux/arm64");
    EXPECT_EQ(parse_platform("linux/arm64/v8").text(), "linux/arm64");
    EXPECT_EQ(parse_platform("linux/arm").text(), "linux/arm/v7");
    EXPECT_EQ(parse_platform("linux/arm/6").text(), "linux/arm/v6");
    EXPECT_EQ(parse_platform("linux/armel").text(), "linux/arm/v6");
    EXPECT_EQ(parse_platform("linux/armhf").text(), "linux/arm/v7");
    EXPECT_EQ(parse_platform("linux/i386").text(), "linux/386");
    EXPECT_EQ(parse_platform("macos/arm64").text(), "darwin/arm64");
    EXPECT_EQ(parse_platform("windows").os, "windows");
    EXPECT_EQ(parse_platform("windows").architecture, host_platform().architecture);
    EXPECT_EQ(parse_platform("s390x").text(), "linux/s390x");
    EXPECT_EQ(parse_platform("armhf").text(), "linux/arm/v7");
}

TEST(platform, texts_that_are_none_are_refused) {
    for (const auto* text :
         {"", "/", "linux/", "/amd64", "linux//v8", "linux/amd64/v1/x", "nothing", "linux/am d64", "linux/amd64\n"})
        EXPECT_THROW(parse_platform(text), error) << text;
}

TEST(platform, lower_variants_are_acceptable_in_order) {
    EXPECT_EQ(order_for("linux/amd64"), (std::vector<std::string>{"linux/amd64", "linux/386"}));
    EXPECT_EQ(order_for("linux/amd64/v3"),
              (std::vector<std::string>{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"}));
    EXPECT_EQ(order_for("linux/arm/v7"), (std::vector<std::string>{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
    EXPECT_EQ(order_for("linux/arm64"), (std::vector<std::string>{"linux/arm64", "linux/arm/v8", "linux/arm/v7",
                                                                  "linux/arm/v6", "linux/arm/v5"}));
    EXPECT_EQ(order_for("linux/arm64/v9"), (std::vector<std::string>{"linux/arm64/v9", "linux/arm64", "linux/arm/v8",
                                                                     "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
    EXPECT_EQ(order_for("linux/s390x"), std::vector<std::string>{"linux/s390x"});
}

TEST(platform, the_best_of_an_index_is_chosen) {
    const std::vector<platform> offered{{"unknown", "unknown", "", ""}, {"linux", "arm", "v6", ""},
                                        {"linux", "arm", "v7", ""},     {"linux", "arm64", "v8", ""},
                                        {"linux", "386", "", ""},       {"linux", "amd64", "v2", ""},
                                        {"linux", "amd64", "", ""},     {"linux", "amd64", "", ""}};
    const auto choice = [&](std::string_view wanted) { return choose_platform(offered, parse_platform(wanted)); };
    EXPECT_EQ(choice("linux/amd64"), 6u);
    EXPECT_EQ(choice("linux/amd64/v3"), 5u);
    EXPECT_EQ(choice("linux/arm64"), 3u);
    EXPECT_EQ(choice("linux/arm/v8"), 2u);
    EXPECT_EQ(choice("linux/arm/v6"), 1u);
    EXPECT_EQ(choice("linux/386"), 4u);
    EXPECT_EQ(choice("linux/riscv64"), std::nullopt);
    EXPECT_EQ(choice("windows/amd64"), std::nullopt);
    EXPECT_EQ(choose_platform({}, host_platform()), std::nullopt);
}

} // namespace
} // namespace davit
