#include "modules/registry/registry_storage.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <sys/inotify.h>
#include <unistd.h>

#include "io/descriptor.h"
#include "io/loop.h"

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

} // namespace
} // namespace davit
