#include "cli/image_tree.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/json.h"

namespace davit::cli {
namespace {

/// As an engine that keeps the manifests of all platforms lists them.
const std::string two_images = R"([
 {"Id": "sha256:aaaaaaaaaaaaaaaa", "RepoTags": ["b:1", "longer:2"], "RepoDigests": [], "Created": 100, "Size": 123456789,
  "Manifests": [
   {"ID": "sha256:1111111111111111", "Kind": "image", "Available": true, "Size": {"Content": 2000000, "Total": 5000000},
    "ImageData": {"Platform": {"os": "linux", "architecture": "amd64"}, "Containers": ["c"]}},
   {"ID": "sha256:2222222222222222", "Kind": "image", "Available": false, "Size": {"Content": 3000, "Total": 0},
    "ImageData": {"Platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}, "Containers": []}},
   {"ID": "sha256:3333333333333333", "Kind": "attestation", "Available": true, "Size": {"Content": 7000000, "Total": 9},
    "AttestationData": {"For": "sha256:1111111111111111"}}]},
 {"Id": "sha256:bbbbbbbbbbbbbbbb", "RepoTags": ["new:1"], "RepoDigests": [], "Created": 200, "Size": 1000, "Containers": -1}])";

std::vector<api::image_summary> read(const std::string& text) {
    return io::parse<std::vector<api::image_summary>>(text, "the test's list");
}

/// What follows the warning, the legend and a blank line.
std::string below_legend(const std::string& tree) {
    std::size_t at = 0;
    for (int i = 0; i < 3; ++i) at = tree.find('\n', at) + 1;
    return tree.substr(at);
}

std::string heading(const std::string& name, std::size_t blanks) {
    return "\x1b[39m\x1b[1m" + name + "\x1b[0m" + std::string(blanks, ' ');
}

TEST(image_tree, shows_the_newest_first_with_its_names_by_length_and_its_platforms) {
    const std::string tree = image_tree(read(two_images), false, 80, false);
    EXPECT_EQ(tree.substr(0, tree.find("\n\n")),
              "WARNING: This is an experimental feature. The output may change and shouldn't be depended on.\n"
              "                                                              Info ->  U In Use ");
    EXPECT_EQ(below_legend(tree), heading("IMAGE", 19) + heading("ID", 13) + heading("DISK USAGE", 3) +
                                      heading("CONTENT SIZE", 3) + heading("EXTRA", 0) +
                                      "\n"
                                      "new:1                   bbbbbbbbbbbb          1kB             0B        \n"
                                      "\n"
                                      "longer:2\n"
                                      "b:1                     aaaaaaaaaaaa        123MB            9MB   U    \n"
                                      "├─ linux/amd64          111111111111          5MB            2MB   U    \n"
                                      "└─ linux/arm64/v8       222222222222           0B            3kB        \n"
                                      "\n");
}

TEST(image_tree, without_platforms_has_no_blank_lines_and_leaves_images_without_a_name_out_unless_asked) {
    const auto images = read(R"([{"Id": "sha256:aaaaaaaaaaaaaaaa", "RepoTags": null, "RepoDigests": [], "Created": 2},
        {"Id": "sha256:bbbbbbbbbbbbbbbb", "RepoTags": ["x:1"], "RepoDigests": [], "Created": 1},
        {"Id": "sha256:cccccccccccccccc", "RepoTags": [], "RepoDigests": ["x@sha256:0"], "Created": 1},
        {"Id": "sha256:dddddddddddddddd", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"], "Created": 0}])");
    const std::string rest = "           0B             0B        \n";
    const auto without_heading = [](const std::string& text) { return text.substr(text.find('\n') + 1); };
    EXPECT_EQ(without_heading(below_legend(image_tree(images, false, 80, false))),
              "x:1     bbbbbbbbbbbb" + rest + "<unt…   cccccccccccc" + rest);
    EXPECT_EQ(without_heading(below_legend(image_tree(images, true, 80, false))),
              "<untagged>      aaaaaaaaaaaa" + rest + "x:1             bbbbbbbbbbbb" + rest +
                  "<untagged>      cccccccccccc" + rest + "<none>:<none>   dddddddddddd" + rest);
}

TEST(image_tree, leaves_out_what_a_narrow_terminal_has_no_room_for) {
    const auto rows = [](std::size_t width) {
        const std::string tree = below_legend(image_tree(read(two_images), false, width, false));
        return tree.substr(tree.find('\n') + 1);
    };
    EXPECT_TRUE(rows(60).starts_with("new:1               bbbbbbbbbbbb          1kB             0B\n")) << rows(60);
    EXPECT_TRUE(rows(40).starts_with("new:1          bbbbbbbbbbbb          1kB\n")) << rows(40);
    EXPECT_NE(rows(40).find("\n└─ linux/ar…   222222222222"), std::string::npos) << rows(40);
    EXPECT_TRUE(rows(5).starts_with("new:1               \n\nlong…\nb:1                 \n├─ linux/amd64      \n"))
        << rows(5);
}

TEST(image_tree, colours_a_terminal_and_lets_no_name_command_it) {
    auto images = read(two_images);
    images[1].repo_tags = {"n\x1b[31mw:1"};
    images[1].id = "sha256:\x1b[2J";
    const std::string tree = image_tree(images, false, 80, true);
    EXPECT_TRUE(tree.starts_with("\x1b[93mWARNING: ")) << tree;
    EXPECT_NE(tree.find("\n" + std::string(59, ' ') + "\x1b[1m\x1b[106m\x1b[30mi"), std::string::npos);
    EXPECT_NE(tree.find("\n\x1b[34m\x1b[1mn[31mw:1\x1b[0m"), std::string::npos);
    EXPECT_NE(tree.find("\x1b[39m[2J\x1b[0m"), std::string::npos);
    EXPECT_NE(tree.find("\x1b[39m5MB\x1b[0m            \x1b[39m2MB\x1b[0m   \x1b[38;5;0m\x1b[48;5;14m U \x1b[0m  \n"),
              std::string::npos);
    EXPECT_NE(tree.find("\n\x1b[39m\x1b[2m└─ linux/arm64/v8\x1b[0m       \x1b[39m\x1b[2m222222222222\x1b[0m"),
              std::string::npos);
}

} // namespace
} // namespace davit::cli
