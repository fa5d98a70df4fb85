#include "io/directory.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/descriptor.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(directory, lists_every_name_each_time_it_is_asked) {
    const scratch_directory scratch;
    const descriptor opened{::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    EXPECT_THAT(names_in(opened.get()), IsEmpty());
    ASSERT_EQ(::mkdirat(opened.get(), ".hidden", 0700), 0);
    ASSERT_EQ(::symlinkat("nowhere", opened.get(), "link"), 0);
    EXPECT_THAT(names_in(opened.get()), UnorderedElementsAre(".hidden", "link"));
    EXPECT_THAT(names_in(opened.get()), UnorderedElementsAre(".hidden", "link"));
}

TEST(directory, asks_for_far_children_where_the_file_system_knows_how) {
    const scratch_directory scratch;
    const descriptor opened{::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    int before = 0;
    const bool has_flags = ::ioctl(opened.get(), FS_IOC_GETFLAGS, &before) == 0;
    spread_children(opened.get());
    if (!has_flags) GTEST_SKIP() << "the file system has no flags";
    int after = 0;
    ASSERT_EQ(::ioctl(opened.get(), FS_IOC_GETFLAGS, &after), 0);
    struct statfs facts{};
    ASSERT_EQ(::fstatfs(opened.get(), &facts), 0);
    EXPECT_EQ(after & ~FS_TOPDIR_FL, before & ~FS_TOPDIR_FL);
    if (facts.f_type == EXT4_SUPER_MAGIC) EXPECT_NE(after & FS_TOPDIR_FL, 0);
}

TEST(directory, refuses_what_is_none) {
    const scratch_directory scratch;
    const descriptor file{::open((scratch / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    EXPECT_THROW(static_cast<void>(names_in(file.get())), error);
}

} // namespace
} // namespace davit::io
