#include "core/container_config.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

using texts = std::vector<std::string>;

container_config image_with(std::optional<texts> entrypoint, std::optional<texts> command) {
    container_config image;
    image.entrypoint = std::move(entrypoint);
    image.command = std::move(command);
    return image;
}

container_config asking(std::optional<texts> entrypoint, std::optional<texts> command) {
    return image_with(std::move(entrypoint), std::move(command));
}

TEST(merge_image_config, a_request_without_words_runs_what_the_image_says) {
    const auto merged = merge_image_config({}, image_with(texts{"/entry"}, texts{"serve"}));
    EXPECT_EQ(resolve_command(merged), (texts{"/entry", "serve"}));
}

TEST(merge_image_config, a_command_replaces_the_image_s_command_only) {
    const auto merged =
        merge_image_config(asking({}, texts{"other"}), image_with(texts{"/entry"}, texts{"serve", "--now"}));
    EXPECT_EQ(resolve_command(merged), (texts{"/entry", "other"}));
}

TEST(merge_image_config, an_entrypoint_drops_the_image_s_command) {
    const auto merged = merge_image_config(asking(texts{"/mine"}, {}), image_with(texts{"/entry"}, texts{"serve"}));
    EXPECT_EQ(resolve_command(merged), texts{"/mine"});
}

TEST(merge_image_config, an_empty_entrypoint_clears_the_image_s) {
    const auto merged = merge_image_config(asking(texts{""}, texts{"ls"}), image_with(texts{"/entry"}, texts{"serve"}));
    EXPECT_EQ(resolve_command(merged), texts{"ls"});
}

TEST(merge_image_config, merges_the_environment_by_name_with_the_request_first) {
    container_config asked;
    asked.environment = texts{"PATH=/mine", "A=1"};
    container_config image;
    image.environment = texts{"PATH=/bin", "B=2"};
    EXPECT_EQ(merge_image_config(asked, image).environment, (texts{"PATH=/mine", "A=1", "B=2"}));
}

TEST(merge_image_config, fills_what_was_left_open_and_keeps_what_was_said) {
    container_config asked;
    asked.user = "bob";
    asked.labels = string_map{{"a", "mine"}};
    container_config image;
    image.user = "alice";
    image.working_directory = "/srv";
    image.stop_signal = "SIGQUIT";
    image.labels = string_map{{"a", "theirs"}, {"b", "theirs"}};
    const auto merged = merge_image_config(asked, image);
    EXPECT_EQ(merged.user, "bob");
    EXPECT_EQ(merged.working_directory, "/srv");
    EXPECT_EQ(merged.stop_signal, "SIGQUIT");
    EXPECT_EQ(merged.labels, (string_map{{"a", "mine"}, {"b", "theirs"}}));
}

TEST(resolve_command, refuses_a_container_with_nothing_to_run) {
    try {
        resolve_command({});
        FAIL();
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::invalid);
        EXPECT_EQ(e.text(), "no command specified");
    }
}

} // namespace
} // namespace davit
