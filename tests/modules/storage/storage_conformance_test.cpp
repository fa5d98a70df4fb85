// The suite that every storage driver passes.

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/timeout.h"
#include "io/beneath.h"
#include "io/loop.h"
#include "modules/storage/overlay/overlay_storage.h"
#include "modules/storage/vfs/vfs_storage.h"

namespace davit {
namespace {

namespace fs = std::filesystem;

task<void> sleep_for_a_moment() {
    co_await sleep_for(std::chrono::milliseconds{1});
}

digest chain(char c) {
    return digest::parse("sha256:" + std::string(64, c));
}

/// A container's root as a process in it would see it: for an overlay a mount that is attached nowhere.
io::descriptor open_rootfs(const rootfs_plan& plan) {
    if (plan.host_upper.empty())
        return io::descriptor{::open(plan.host_layers.at(0).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const io::descriptor context{::fsopen("overlay", FSOPEN_CLOEXEC)};
    const auto set = [&](const char* key, const std::string& value) {
        EXPECT_EQ(::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0), 0) << key << " " << value;
    };
    std::string all;
    for (const std::string& layer : plan.host_layers) all += (all.empty() ? "" : ":") + layer;
    set("lowerdir", all);
    set("upperdir", plan.host_upper);
    set("workdir", plan.host_work);
    EXPECT_EQ(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), 0) << ::strerror(errno);
    return io::descriptor{::fsmount(context.get(), FSMOUNT_CLOEXEC, 0)};
}

template <class Driver> class storage_driver_suite : public testing::Test {
  protected:
    storage_driver_suite() {
        if (::geteuid() != 0) return;
        char path[] = "/var/tmp/davit-st-XXXXXX"; // /tmp may be a file system that overlayfs can't write on
        top = ::mkdtemp(path);
        begin();
    }
    ~storage_driver_suite() override {
        if (driver) end();
        if (!top.empty()) fs::remove_all(top);
    }
    void SetUp() override {
        if (top.empty()) GTEST_SKIP() << "needs root";
    }

    void begin() {
        driver = std::make_unique<Driver>((top / "root").string());
        loop.run(driver->start());
    }
    void end() {
        loop.run(driver->stop());
        driver.reset();
    }

    digest add_layer(char name, const std::function<void(const fs::path&, whiteout_style)>& fill) {
        auto staging = loop.run(driver->begin_layer());
        fill(staging.directory, staging.whiteouts);
        loop.run(driver->commit_layer(staging, chain(name)));
        return chain(name);
    }

    static void write(const fs::path& path, std::string_view text) {
        fs::create_directories(path.parent_path());
        std::ofstream{path} << text;
    }
    static void hide(const fs::path& path, whiteout_style style) {
        fs::create_directories(path.parent_path());
        if (style == whiteout_style::marker)
            write(path.parent_path() / (".wh." + path.filename().string()), "");
        else
            EXPECT_EQ(::mknod(path.c_str(), S_IFCHR, makedev(0, 0)), 0);
    }
    static void hide_all_in(const fs::path& path, whiteout_style style) {
        fs::create_directories(path);
        if (style == whiteout_style::marker)
            write(path / ".wh..wh..opq", "");
        else
            EXPECT_EQ(::setxattr(path.c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
    }

    /// A file's text in a container; "-" when there is none.
    std::string read(int root, const std::string& path) {
        const io::descriptor file{::openat(root, path.c_str(), O_RDONLY | O_CLOEXEC)};
        if (!file) return "-";
        char text[256];
        const auto size = ::read(file.get(), text, sizeof text);
        return size < 0 ? "?" : std::string(text, static_cast<std::size_t>(size));
    }
    io::descriptor root_of(const std::string& container) {
        return open_rootfs(loop.run(driver->container_rootfs(container)));
    }
    /// How many entries there are in the directories that hold layers, containers and trash.
    std::size_t kept() {
        std::size_t count = 0;
        for (const auto& own : fs::directory_iterator(top / "root"))
            for (const auto& place : fs::directory_iterator(own))
                for ([[maybe_unused]] const auto& entry : fs::directory_iterator(place)) ++count;
        return count;
    }

    fs::path top;
    io::loop loop;
    std::unique_ptr<Driver> driver;
};

using drivers = testing::Types<overlay_storage, vfs_storage>;
TYPED_TEST_SUITE(storage_driver_suite, drivers);

TYPED_TEST(storage_driver_suite, a_sparse_file_of_a_layer_takes_no_more_room_in_a_container) {
    constexpr off_t size = off_t{1} << 30;
    this->add_layer('a', [&](const fs::path& root, whiteout_style) {
        this->write(root / "sparse", "begin");
        fs::resize_file(root / "sparse", size);
        std::fstream{root / "sparse", std::ios::in | std::ios::out}.seekp(size / 2).write("middle", 6);
    });
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    const auto root = this->root_of("c1");
    const io::descriptor file{::openat(root.get(), "sparse", O_RDONLY | O_CLOEXEC)};
    struct stat facts{};
    ASSERT_EQ(::fstat(file.get(), &facts), 0);
    EXPECT_EQ(facts.st_size, size);
    EXPECT_LT(facts.st_blocks, 1024);
    char text[6];
    EXPECT_EQ(::pread(file.get(), text, 5, 0), 5);
    EXPECT_EQ(std::string(text, 5), "begin");
    EXPECT_EQ(::pread(file.get(), text, 6, size / 2), 6);
    EXPECT_EQ(std::string(text, 6), "middle");
}

TYPED_TEST(storage_driver_suite, a_container_sees_its_layers_over_each_other_with_whiteouts_applied) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) {
        this->write(root / "etc/kept", "low");
        this->write(root / "etc/changed", "low");
        this->write(root / "etc/gone", "low");
        this->write(root / "opaque/low", "low");
        this->write(root / "dir-becomes-file/x", "low");
        this->write(root / "file-becomes-dir", "low");
    });
    this->add_layer('b', [&](const fs::path& root, whiteout_style style) {
        this->write(root / "etc/changed", "high");
        this->hide(root / "etc/gone", style);
        this->hide_all_in(root / "opaque", style);
        this->write(root / "opaque/high", "high");
        this->write(root / "dir-becomes-file", "high");
        this->write(root / "file-becomes-dir/x", "high");
    });
    this->loop.run(this->driver->make_container("c1", {chain('a'), chain('b')}));
    const auto root = this->root_of("c1");
    ASSERT_TRUE(root);
    EXPECT_EQ(this->read(root.get(), "etc/kept"), "low");
    EXPECT_EQ(this->read(root.get(), "etc/changed"), "high");
    EXPECT_EQ(this->read(root.get(), "etc/gone"), "-");
    EXPECT_EQ(this->read(root.get(), "opaque/low"), "-");
    EXPECT_EQ(this->read(root.get(), "opaque/high"), "high");
    EXPECT_EQ(this->read(root.get(), "opaque/.wh..wh..opq"), "-");
    EXPECT_EQ(this->read(root.get(), "dir-becomes-file"), "high");
    EXPECT_EQ(this->read(root.get(), "file-becomes-dir/x"), "high");
    struct stat facts{};
    ASSERT_EQ(::fstat(root.get(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0755u);
}

TYPED_TEST(storage_driver_suite, what_one_container_writes_no_other_sees) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "f", "image"); });
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    this->loop.run(this->driver->make_container("c2", {chain('a')}));
    const auto first = this->root_of("c1"), second = this->root_of("c2");
    const io::descriptor file{::openat(first.get(), "f", O_WRONLY | O_TRUNC | O_CLOEXEC)};
    ASSERT_EQ(::write(file.get(), "mine", 4), 4);
    EXPECT_EQ(this->read(first.get(), "f"), "mine");
    EXPECT_EQ(this->read(second.get(), "f"), "image");
}

TYPED_TEST(storage_driver_suite, kinds_owners_modes_times_attributes_and_hard_links_are_kept) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) {
        this->write(root / "d/setuid", "x");
        ASSERT_EQ(::chown((root / "d/setuid").c_str(), 1000, 50), 0);
        ASSERT_EQ(::chmod((root / "d/setuid").c_str(), 04751), 0);
        ASSERT_EQ(::setxattr((root / "d/setuid").c_str(), "user.k", "v", 1, 0), 0);
        ASSERT_EQ(::link((root / "d/setuid").c_str(), (root / "twin").c_str()), 0);
        ASSERT_EQ(::symlink("/nowhere", (root / "s").c_str()), 0);
        ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0640), 0);
        ASSERT_EQ(::mknod((root / "null").c_str(), S_IFCHR | 0640, makedev(1, 3)), 0);
        const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 5}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (root / "d/setuid").c_str(), times, 0), 0);
        ASSERT_EQ(::utimensat(AT_FDCWD, (root / "d").c_str(), times, 0), 0);
    });
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    const auto root = this->root_of("c1");
    struct stat facts{}, twin{};
    ASSERT_EQ(::fstatat(root.get(), "d/setuid", &facts, 0), 0);
    ASSERT_EQ(::fstatat(root.get(), "twin", &twin, 0), 0);
    EXPECT_EQ(facts.st_ino, twin.st_ino);
    EXPECT_EQ(facts.st_nlink, 2u);
    EXPECT_EQ(facts.st_mode, S_IFREG | 04751u);
    EXPECT_EQ(facts.st_uid, 1000u);
    EXPECT_EQ(facts.st_gid, 50u);
    EXPECT_EQ(facts.st_mtim.tv_sec, 1'000'000'000);
    EXPECT_EQ(facts.st_mtim.tv_nsec, 5);
    const io::descriptor file{::openat(root.get(), "twin", O_RDONLY | O_CLOEXEC)};
    char value[4];
    EXPECT_EQ(::fgetxattr(file.get(), "user.k", value, sizeof value), 1);
    ASSERT_EQ(::fstatat(root.get(), "d", &facts, 0), 0);
    EXPECT_EQ(facts.st_mtim.tv_nsec, 5);
    ASSERT_EQ(::fstatat(root.get(), "s", &facts, AT_SYMLINK_NOFOLLOW), 0);
    EXPECT_TRUE(S_ISLNK(facts.st_mode));
    ASSERT_EQ(::fstatat(root.get(), "pipe", &facts, 0), 0);
    EXPECT_EQ(facts.st_mode, S_IFIFO | 0640u);
    ASSERT_EQ(::fstatat(root.get(), "null", &facts, 0), 0);
    EXPECT_EQ(facts.st_mode, S_IFCHR | 0640u);
    EXPECT_EQ(facts.st_rdev, makedev(1, 3));
}

TYPED_TEST(storage_driver_suite, a_restart_finds_layers_and_containers_and_drops_what_was_not_committed) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "f", "image"); });
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    const std::size_t before = this->kept();
    const auto staging = this->loop.run(this->driver->begin_layer());
    this->write(fs::path{staging.directory} / "half", "half");
    this->end();
    this->begin();
    EXPECT_TRUE(this->driver->has_layer(chain('a')));
    EXPECT_THAT(this->driver->layers(), testing::ElementsAre(chain('a')));
    EXPECT_THAT(this->driver->containers(), testing::ElementsAre("c1"));
    EXPECT_EQ(this->read(this->root_of("c1").get(), "f"), "image");
    EXPECT_FALSE(fs::exists(staging.directory));
    while (this->kept() != before) this->loop.run(sleep_for_a_moment());
}

TYPED_TEST(storage_driver_suite, a_container_has_its_name_when_it_is_whole_and_is_none_before) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "file", "text"); });
    const fs::path containers = fs::directory_iterator{this->top / "root"} -> path() / "c";
    const io::descriptor watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    ASSERT_GE(::inotify_add_watch(watch.get(), containers.c_str(), IN_CREATE | IN_MOVED_TO), 0);
    this->loop.run(this->driver->make_container("one", {chain('a')}));
    std::vector<std::string> appeared;
    alignas(inotify_event) char events[4096];
    const ssize_t got = ::read(watch.get(), events, sizeof events);
    for (ssize_t at = 0; at < got;) {
        const auto* const seen = reinterpret_cast<const inotify_event*>(events + at);
        appeared.emplace_back(((seen->mask & IN_MOVED_TO) != 0 ? "moved " : "made ") + std::string{seen->name});
        at += static_cast<ssize_t>(sizeof(inotify_event) + seen->len);
    }
    ASSERT_THAT(appeared, testing::ElementsAre(testing::StartsWith("made "), "moved one"));

    // An engine that was killed just before:
    this->end();
    fs::rename(containers / "one", containers / appeared.front().substr(5));
    this->begin();
    EXPECT_THAT(this->driver->containers(), testing::IsEmpty());
    this->loop.run(this->driver->make_container("one", {chain('a')}));
    EXPECT_EQ(this->read(this->root_of("one").get(), "file"), "text");
    this->loop.run(this->driver->remove_container("one"));
    for (int tries = 0; tries < 2000 && !fs::is_empty(containers); ++tries) this->loop.run(sleep_for_a_moment());
    EXPECT_TRUE(fs::is_empty(containers));
}

TYPED_TEST(storage_driver_suite, a_layer_is_committed_once) {
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "f", "first"); });
    const std::size_t before = this->kept();
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "f", "second"); });
    EXPECT_EQ(this->kept(), before);
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    EXPECT_EQ(this->read(this->root_of("c1").get(), "f"), "first");
}

TYPED_TEST(storage_driver_suite, removing_leaves_nothing_and_may_be_repeated) {
    const std::size_t empty = this->kept();
    this->add_layer('a', [&](const fs::path& root, whiteout_style) { this->write(root / "deep/er/f", "x"); });
    this->loop.run(this->driver->discard_layer(this->loop.run(this->driver->begin_layer())));
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    for (int i = 0; i < 2; ++i) {
        this->loop.run(this->driver->remove_container("c1"));
        this->loop.run(this->driver->remove_layer(chain('a')));
    }
    EXPECT_TRUE(this->driver->layers().empty());
    EXPECT_TRUE(this->driver->containers().empty());
    while (this->kept() != empty) this->loop.run(sleep_for_a_moment()); // containers go in the background
}

TYPED_TEST(storage_driver_suite, a_removed_layer_stays_on_the_disk_for_the_containers_that_stand_on_it) {
    const std::size_t empty = this->kept();
    const auto add = [&](char name, const char* text) {
        this->add_layer(name, [&](const fs::path& root, whiteout_style) { this->write(root / "f", text); });
    };
    add('a', "first");
    add('b', "other");
    for (const char* container : {"c1", "c2"}) this->loop.run(this->driver->make_container(container, {chain('a')}));
    EXPECT_FALSE(this->loop.run(this->driver->remove_layer(chain('a'))));
    EXPECT_TRUE(this->loop.run(this->driver->remove_layer(chain('b'))));
    EXPECT_FALSE(this->driver->has_layer(chain('a')));
    add('a', "second"); // the image is back, as a directory of its own
    this->end();
    this->begin();
    this->loop.run(this->driver->remove_container("c1"));
    this->loop.run(this->driver->make_container("c3", {chain('a')}));
    EXPECT_EQ(this->read(this->root_of("c2").get(), "f"), "first");
    EXPECT_EQ(this->read(this->root_of("c3").get(), "f"), "second");
    for (const char* container : {"c2", "c3"}) this->loop.run(this->driver->remove_container(container));
    EXPECT_TRUE(this->loop.run(this->driver->remove_layer(chain('a'))));
    while (this->kept() != empty) this->loop.run(sleep_for_a_moment());
}

TYPED_TEST(storage_driver_suite, a_removed_container_s_links_out_are_not_followed) {
    this->write(this->top / "canary/token", "token");
    this->add_layer('a', [&](const fs::path& root, whiteout_style) {
        fs::create_directory_symlink(this->top / "canary", root / "link");
    });
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    ASSERT_EQ(::symlinkat((this->top / "canary").c_str(), this->root_of("c1").get(), "own-link"), 0);
    this->loop.run(this->driver->remove_container("c1"));
    this->loop.run(this->driver->remove_layer(chain('a')));
    this->end();
    EXPECT_TRUE(fs::exists(this->top / "canary/token"));
}

TYPED_TEST(storage_driver_suite, missing_layers_bad_ids_and_doubles_are_refused) {
    EXPECT_THROW(this->loop.run(this->driver->make_container("c1", {chain('a')})), error);
    this->add_layer('a', [](const fs::path&, whiteout_style) {});
    for (const char* id : {"", ".", "..", "../x", "a/b"})
        EXPECT_THROW(this->loop.run(this->driver->make_container(id, {chain('a')})), error) << id;
    EXPECT_THROW(this->loop.run(this->driver->remove_container("../l")), error);
    this->loop.run(this->driver->make_container("c1", {chain('a')}));
    EXPECT_THROW(this->loop.run(this->driver->make_container("c1", {chain('a')})), error);
    EXPECT_THROW(this->loop.run(this->driver->container_rootfs("c2")), error);
}

TYPED_TEST(storage_driver_suite, nobody_else_can_enter_its_directories_whatever_the_umask) {
    this->end();
    fs::remove_all(this->top / "root");
    const mode_t before = ::umask(0);
    this->begin();
    ::umask(before);
    struct stat facts{};
    ASSERT_EQ(::stat((this->top / "root").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0710u);
    for (const auto& own : fs::directory_iterator(this->top / "root"))
        EXPECT_EQ(static_cast<unsigned>(own.status().permissions()), 0700u) << own.path();
}

TYPED_TEST(storage_driver_suite, paths_stay_short_enough_for_a_mount_option) {
    this->add_layer('a', [](const fs::path&, whiteout_style) {});
    const std::string id(64, '0');
    this->loop.run(this->driver->make_container(id, {chain('a')}));
    const auto plan = this->loop.run(this->driver->container_rootfs(id));
    for (const auto& path : plan.host_layers) EXPECT_LE(path.size(), 200u);
    EXPECT_LE(plan.host_upper.size(), 200u);
    EXPECT_LE(plan.host_work.size(), 200u);
}

} // namespace
} // namespace davit
