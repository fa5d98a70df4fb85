#include "modules/registry/registry_storage.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sys/inotify.h>
#include <unistd.h>

#include "io/descriptor.h"
#include "io/loop.h"
#include "tests/modules/registry/places_on_disk.h"

namespace davit {
namespace {

namespace fs = std::filesystem;

TEST(registry_storage, no_name_but_the_tags_own_ever_stands_among_the_tags) {
    std::string pattern = (fs::temp_directory_path() / "davit-registry-XXXXXX").string();
    const std::string directory = ::mkdtemp(pattern.data());
    fs::create_directories(directory + "/repositories/a/_tags");
    io::loop loop;
    registry_storage storage{directory};
    loop.run(storage.prepare());
    const io::descriptor watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    ASSERT_GE(::inotify_add_watch(watch.get(), (directory + "/repositories/a/_tags").c_str(), IN_CREATE | IN_MOVED_TO),
              0);

    const digest of = digest::parse("sha256:" + std::string(64, 'a'));
    loop.run(storage.put_manifest("a", {of, "application/vnd.oci.image.manifest.v1+json", "{}"}, "latest"));

    std::set<std::string> seen;
    alignas(inotify_event) char events[4096];
    const ssize_t got = ::read(watch.get(), events, sizeof events);
    for (ssize_t at = 0; at < got;) {
        const auto* const one = reinterpret_cast<const inotify_event*>(events + at);
        seen.emplace(one->name);
        at += static_cast<ssize_t>(sizeof(inotify_event) + one->len);
    }
    EXPECT_EQ(seen, std::set<std::string>{"latest"});
    EXPECT_EQ(loop.run(storage.tags("a", "", 10)), std::vector<std::string>{"latest"});
    EXPECT_TRUE(fs::is_empty(directory + "/uploads"));
    fs::remove_all(directory);
}

class registry_files : public ::testing::Test {
  protected:
    registry_files() { loop_.run(storage_.prepare()); }
    ~registry_files() override { fs::remove_all(directory_); }

    static std::string made_directory() {
        std::string pattern = "/var/tmp/davit-registry-XXXXXX";
        return ::mkdtemp(pattern.data());
    }
    void put_manifest() { loop_.run(storage_.put_manifest("a/b", {of_, "application/json", bytes_}, "latest")); }

    io::loop loop_;
    std::string directory_ = made_directory();
    registry_storage storage_{directory_};
    digest of_ = digest::parse("sha256:" + std::string(64, 'a'));
    std::string bytes_ = std::string(100'000, ' '); // too much to stand beside the inode, of which nothing is told
};

TEST_F(registry_files, a_manifest_is_on_the_disk_when_it_has_its_name) {
    std::ofstream{directory_ + "/uploads/other"} << bytes_;
    if (has_places_on_disk(directory_ + "/uploads/other") != false)
        GTEST_SKIP() << "this file system tells nothing, or has it on the disk";
    put_manifest();
    EXPECT_EQ(has_places_on_disk(directory_ + "/blobs/" + of_.hex()), true);
}

TEST_F(registry_files, a_start_deletes_the_blobs_that_no_repository_links) {
    put_manifest();
    const std::string lost = directory_ + "/blobs/" + std::string(64, 'b');
    std::ofstream{lost} << "bytes whose link never came";
    loop_.run(storage_.prepare());
    EXPECT_FALSE(fs::exists(lost));
    EXPECT_EQ(loop_.run(storage_.find_manifest("a/b", "latest"))->bytes, bytes_);
}

} // namespace
} // namespace davit
