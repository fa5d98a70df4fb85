#include "io/file.h"

#include <fstream>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using ::testing::HasSubstr;

TEST(file, is_replaced_whole_with_its_mode_whatever_the_umask) {
    loop l;
    const scratch_directory directory;
    const std::string path = directory / "f";
    const mode_t before = ::umask(0077);
    l.run([](std::string at) -> task<void> {
        co_await write_file_atomically(at, "old", 0644);
        EXPECT_EQ(permissions_of(at), 0644u);
        co_await write_file_atomically(at, "new content", 0600, durability::synced);
        EXPECT_EQ(permissions_of(at), 0600u);
        EXPECT_EQ(co_await read_file(at, 100), "new content");
        EXPECT_EQ(co_await file_size(at), 11u);
    }(path));
    ::umask(before);
    EXPECT_EQ(l.run(list_directory(directory.path().string())).size(), 1u) << "no temporary file is left";
}

TEST(file, a_failed_write_leaves_neither_a_temporary_file_nor_a_changed_target) {
    loop l;
    const scratch_directory directory;
    const std::string occupied = directory / "d";
    ::mkdir(occupied.c_str(), 0700);
    const error failed = l.run(failure_of(write_file_atomically(occupied, "x", 0600)));
    EXPECT_THAT(failed.text(), HasSubstr(occupied));
    EXPECT_EQ(l.run(list_directory(directory.path().string())).size(), 1u);
}

TEST(file, reading_is_bounded_and_waits_for_no_fifo) {
    loop l;
    const scratch_directory directory;
    l.run([](const scratch_directory* d) -> task<void> {
        co_await write_file_atomically(*d / "f", std::string(10'000, 'x'), 0600);
        EXPECT_EQ((co_await read_file(*d / "f", 10'000)).size(), 10'000u);
        EXPECT_EQ((co_await failure_of(read_file(*d / "f", 9'999))).category(), errc::too_large);
        EXPECT_EQ((co_await failure_of(read_file("/dev/zero", 10))).category(), errc::invalid);
        EXPECT_EQ(::mkfifo((*d / "fifo").c_str(), 0600), 0);
        EXPECT_EQ((co_await failure_of(read_file(*d / "fifo", 10))).category(), errc::invalid);
        EXPECT_EQ((co_await failure_of(read_file(*d / "absent", 10))).category(), errc::not_found);
        EXPECT_FALSE((co_await find_file(*d / "absent", 10)).has_value());
        EXPECT_THAT(co_await read_file("/proc/self/status", 1 << 20), HasSubstr("Name:\tio_test"));
    }(&directory));
}

TEST(directories, are_made_with_their_mode_and_listed_in_order) {
    loop l;
    const scratch_directory directory;
    const mode_t before = ::umask(0077);
    l.run([](const scratch_directory* d) -> task<void> {
        co_await make_directories(*d / "a/b/c", 0711);
        co_await make_directories(*d / "a/b/c", 0700);
        EXPECT_EQ(permissions_of(*d / "a"), 0711u);
        EXPECT_EQ(permissions_of(*d / "a/b/c"), 0711u);
        co_await write_file_atomically(*d / "a/z", "", 0600);
        EXPECT_EQ(::symlink("z", (*d / "a/link").c_str()), 0);
        const auto entries = co_await list_directory(*d / "a");
        EXPECT_EQ(entries.size(), 3u);
        EXPECT_EQ(entries[0].name, "b");
        EXPECT_EQ(entries[0].kind, directory_entry::type::directory);
        EXPECT_EQ(entries[1].kind, directory_entry::type::link);
        EXPECT_EQ(entries[2].kind, directory_entry::type::file);
        EXPECT_EQ((co_await failure_of(make_directories(*d / "a/z", 0700))).category(), errc::conflict);
        EXPECT_EQ(::symlink("nowhere", (*d / "a/dangling").c_str()), 0);
        EXPECT_EQ((co_await failure_of(make_directories(*d / "a/dangling", 0700))).category(), errc::conflict);
    }(&directory));
    ::umask(before);
}

TEST(remove_tree, removes_links_and_not_what_they_lead_to) {
    loop l;
    const scratch_directory directory;
    l.run([](const scratch_directory* d) -> task<void> {
        co_await make_directories(*d / "keep", 0700);
        co_await write_file_atomically(*d / "keep/f", "precious", 0600);
        co_await make_directories(*d / "tree/a/b", 0700);
        EXPECT_EQ(::symlink((*d / "keep").c_str(), (*d / "tree/a/link").c_str()), 0);
        EXPECT_EQ(::symlink((*d / "keep").c_str(), (*d / "itself").c_str()), 0);
        co_await remove_tree(*d / "tree/");
        co_await remove_tree(*d / "itself");
        co_await remove_tree(*d / "absent");
        EXPECT_FALSE(co_await path_exists(*d / "tree"));
        EXPECT_FALSE(co_await path_exists(*d / "itself"));
        EXPECT_EQ(co_await read_file(*d / "keep/f", 100), "precious");
        EXPECT_EQ((co_await failure_of(remove_tree(*d / "keep/.."))).category(), errc::invalid);
    }(&directory));
}

} // namespace
} // namespace davit::io
