#include "api/container_size.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sched.h>
#include <string>
#include <sys/mount.h>

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit::api {
namespace {

TEST(container_size, holes_of_any_size_have_a_sum) {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-size-XXXXXX").string();
    const std::string directory = ::mkdtemp(pattern.data());
    // A file system whose files may be as large as a number can be.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", directory.c_str(), "tmpfs", 0, nullptr) != 0)
        throw error::system(errno, "mounting a tmpfs (tests run as root)");
    for (const char* name : {"a", "b", "c"}) {
        std::ofstream{directory + "/" + name};
        std::filesystem::resize_file(directory + "/" + name, std::numeric_limits<std::int64_t>::max());
    }
    EXPECT_EQ(bytes_below(directory), std::numeric_limits<std::int64_t>::max());
    std::filesystem::remove(directory + "/b");
    std::filesystem::remove(directory + "/c");
    std::ofstream{directory + "/d"} << "1";
    EXPECT_EQ(bytes_below(directory), std::numeric_limits<std::int64_t>::max());
    ::umount2(directory.c_str(), MNT_DETACH);
    std::filesystem::remove(directory);
}

} // namespace
} // namespace davit::api
