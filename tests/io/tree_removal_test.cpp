#include "io/tree_removal.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/beneath.h"

namespace davit::io {
namespace {

namespace fs = std::filesystem;

class tree : public testing::Test {
  protected:
    tree() {
        char path[] = "/tmp/davit-tree-XXXXXX";
        root = ::mkdtemp(path);
        fd = descriptor{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    }
    ~tree() override { fs::remove_all(root); }

    fs::path root;
    descriptor fd;
};

TEST_F(tree, links_are_removed_and_what_they_lead_to_stays) {
    fs::create_directories(root / "outside/inner");
    std::ofstream{root / "outside/canary"} << "token";
    fs::create_directories(root / "t/a/b");
    fs::create_directory_symlink(root / "outside", root / "t/a/link");
    fs::create_directory_symlink("/", root / "t/root");
    std::ofstream{root / "t/a/b/f"} << "x";
    remove_whole(fd.get(), "t");
    EXPECT_FALSE(fs::exists(root / "t"));
    EXPECT_TRUE(fs::exists(root / "outside/canary"));
    EXPECT_TRUE(fs::exists(root / "outside/inner"));
}

TEST_F(tree, a_large_tree_goes_in_slices) {
    for (int i = 0; i < 30; ++i) {
        fs::create_directories(root / "t" / std::to_string(i));
        for (int j = 0; j < 10; ++j) std::ofstream{root / "t" / std::to_string(i) / std::to_string(j)} << j;
    }
    int slices = 1;
    while (!remove_some(fd.get(), "t", 50)) ++slices;
    EXPECT_GE(slices, 6);
    EXPECT_FALSE(fs::exists(root / "t"));
    EXPECT_TRUE(remove_some(fd.get(), "t", 50));
}

TEST_F(tree, a_tree_deeper_than_a_path_can_name_is_removed_with_few_descriptors) {
    ASSERT_EQ(::mkdirat(fd.get(), "t", 0700), 0);
    descriptor at{::openat(fd.get(), "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const std::string name(200, 'd');
    for (int depth = 0; depth < 300; ++depth) {
        ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
        ASSERT_EQ(::mknodat(at.get(), "f", S_IFREG | 0600, 0), 0);
        at = descriptor{::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    }
    remove_whole(fd.get(), "t");
    EXPECT_FALSE(fs::exists(root / "t"));
}

TEST_F(tree, a_mount_inside_is_not_entered) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    fs::create_directories(root / "t/m");
    ASSERT_EQ(::mount("davit-test", (root / "t/m").c_str(), "tmpfs", 0, "size=64k"), 0);
    std::ofstream{root / "t/m/canary"} << "token";
    EXPECT_THROW(remove_whole(fd.get(), "t"), error);
    EXPECT_TRUE(fs::exists(root / "t/m/canary"));
    ASSERT_EQ(::umount((root / "t/m").c_str()), 0);
    remove_whole(fd.get(), "t");
    EXPECT_FALSE(fs::exists(root / "t"));
}

TEST_F(tree, a_private_directory_is_closed_to_others_whatever_the_umask_and_is_tightened) {
    const mode_t before = ::umask(0);
    const descriptor made = open_private_directory(fd.get(), "p");
    ::umask(before);
    struct stat facts{};
    ASSERT_EQ(::fstat(made.get(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0700u);
    fs::permissions(root / "p", fs::perms::all);
    const descriptor again = open_private_directory(fd.get(), "p");
    ASSERT_EQ(::fstat(again.get(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0700u);
    fs::create_directory_symlink(root / "p", root / "link");
    EXPECT_THROW((void)open_private_directory(fd.get(), "link"), error);
}

TEST_F(tree, nothing_is_opened_outside_of_a_root) {
    fs::create_directories(root / "t/etc");
    std::ofstream{root / "t/etc/passwd"} << "inside";
    fs::create_directory_symlink("/etc", root / "t/absolute");
    fs::create_directory_symlink("../../../../../etc", root / "t/dotted");
    const descriptor top{::open((root / "t").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (const char* path : {"absolute/passwd", "dotted/passwd", "../../../etc/passwd", "/etc/passwd"}) {
        EXPECT_FALSE(open_beneath(top.get(), path, O_RDONLY, links::refused)) << path;
        const descriptor inside = open_beneath(top.get(), path, O_RDONLY, links::in_root);
        ASSERT_TRUE(inside) << path;
        char text[6];
        EXPECT_EQ(::read(inside.get(), text, sizeof text), 6);
        EXPECT_EQ(std::string(text, 6), "inside");
    }
}

} // namespace
} // namespace davit::io
