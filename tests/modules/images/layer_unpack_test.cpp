#include "modules/images/layer_unpack.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "io/stream.h"
#include "tests/io/tar_builder.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using io::tar_builder;
using testing::HasSubstr;

class layer_unpacking : public testing::Test {
  protected:
    layer_unpacking() {
        char path[] = "/var/tmp/davit-un-XXXXXX";
        top = ::mkdtemp(path);
        root = top / "deep/er/layer";
        fs::create_directories(root);
        canary = top / "canary";
        fs::create_directories(canary);
        std::ofstream{canary / "token"} << "token";
        ::chmod((canary / "token").c_str(), 0600);
    }
    ~layer_unpacking() override {
        // No test may touch what is outside of the layer's root.
        struct stat facts{};
        EXPECT_EQ(::stat((canary / "token").c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode, S_IFREG | 0600u);
        EXPECT_EQ(facts.st_nlink, 1u);
        EXPECT_EQ(text(canary / "token"), "token");
        EXPECT_EQ(names(canary), 1u);
        EXPECT_EQ(::stat(canary.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_uid, ::geteuid());
        EXPECT_EQ(facts.st_mode & 07777, 0755u);
        EXPECT_EQ(names(top), 2u);
        EXPECT_EQ(names(top / "deep"), 1u);
        fs::remove_all(top);
    }
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        ::chmod(canary.c_str(), 0755);
    }

    void unpack(const tar_builder& archive, whiteout_style style = whiteout_style::overlay, unpack_limits limits = {}) {
        layer_unpack into{io::descriptor{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}, style, limits};
        into.feed(io::as_bytes(archive.whole()));
        into.finish();
        content_bytes = into.content_bytes();
    }
    std::string refusal(const tar_builder& archive, unpack_limits limits = {},
                        whiteout_style style = whiteout_style::overlay) {
        try {
            unpack(archive, style, limits);
        } catch (const error& e) {
            return e.what();
        }
        return "accepted";
    }

    static std::string text(const fs::path& path) {
        std::ifstream file{path};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    static std::size_t names(const fs::path& path) {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator{path}, {}));
    }
    struct stat facts_of(const std::string& path) {
        struct stat facts{};
        EXPECT_EQ(::lstat((root / path).c_str(), &facts), 0) << path;
        return facts;
    }
    std::string xattr(const std::string& path, const char* name) {
        char value[64];
        const auto size = ::lgetxattr((root / path).c_str(), name, value, sizeof value);
        return size < 0 ? "-" : std::string(value, static_cast<std::size_t>(size));
    }
    bool is_whiteout(const std::string& path) {
        const auto facts = facts_of(path);
        return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(0, 0);
    }

    fs::path top, root, canary;
    std::uint64_t content_bytes = 0;
};

TEST_F(layer_unpacking, everything_comes_out_with_its_facts) {
    unpack(tar_builder{}
               .directory("./", {.mode = 0711, .mtime = 5})
               .directory("d", {.mode = 02750, .uid = 7, .gid = 8, .mtime = 1234})
               .file("d/f", "hello", {.mode = 06755, .uid = 1000, .gid = 50, .mtime = 99})
               .symbolic_link("s", "/etc/passwd")
               .hard_link("h", "d/f")
               .entry('3', "null", {}, {}, {.mode = 0622, .major = 1, .minor = 3})
               .entry('6', "pipe", {}, {}, {.mode = 0606})
               .file("new/parents/f", "x"));
    EXPECT_EQ(text(root / "d/f"), "hello");
    EXPECT_EQ(facts_of("d/f").st_mode, S_IFREG | 06755u);
    EXPECT_EQ(facts_of("d/f").st_uid, 1000u);
    EXPECT_EQ(facts_of("d/f").st_mtim.tv_sec, 99);
    EXPECT_EQ(facts_of("d").st_mode, S_IFDIR | 02750u);
    EXPECT_EQ(facts_of("d").st_gid, 8u);
    EXPECT_EQ(facts_of("d").st_mtim.tv_sec, 1234); // though a file was made in it since
    EXPECT_EQ(facts_of("").st_mode & 07777, 0711u);
    EXPECT_EQ(facts_of("").st_mtim.tv_sec, 5);
    EXPECT_EQ(facts_of("h").st_ino, facts_of("d/f").st_ino);
    EXPECT_EQ(fs::read_symlink(root / "s"), "/etc/passwd");
    EXPECT_EQ(facts_of("null").st_rdev, makedev(1, 3));
    EXPECT_EQ(facts_of("null").st_mode, S_IFCHR | 0622u);
    EXPECT_EQ(facts_of("pipe").st_mode, S_IFIFO | 0606u);
    EXPECT_EQ(facts_of("new/parents").st_mode, S_IFDIR | 0755u);
    EXPECT_EQ(content_bytes, 6u);
}

TEST_F(layer_unpacking, names_that_lead_out_are_refused_and_others_stay_below_the_root) {
    const std::string up(60, '.');
    EXPECT_THAT(refusal(tar_builder{}.file("../x", "evil")), HasSubstr("leads out"));
    EXPECT_THAT(refusal(tar_builder{}.file("a/../../x", "evil")), HasSubstr("leads out"));
    EXPECT_THAT(refusal(tar_builder{}.file(".", "evil")), HasSubstr("root"));
    unpack(tar_builder{}.file("/absolute", "1").file("a/../b", "2").file(".//c/./d", "3"));
    EXPECT_EQ(text(root / "absolute"), "1");
    EXPECT_EQ(text(root / "b"), "2");
    EXPECT_EQ(text(root / "c/d"), "3");
}

TEST_F(layer_unpacking, links_in_the_layer_lead_nowhere_outside) {
    const std::string out = canary.string();
    unpack(tar_builder{}
               .directory(out) // the same name inside
               .symbolic_link("d", out)
               .file("d/x", "1")
               .symbolic_link("dots", "../../../../../../../../.." + out)
               .file("dots/y", "2")
               .symbolic_link("a", "/")
               .symbolic_link("b", "a" + out)
               .file("b/z", "3"));
    EXPECT_EQ(text(root / out.substr(1) / "x"), "1");
    EXPECT_EQ(text(root / out.substr(1) / "y"), "2");
    EXPECT_EQ(text(root / out.substr(1) / "z"), "3");
}

TEST_F(layer_unpacking, a_directory_replaced_by_a_link_gets_no_facts_through_it) {
    unpack(tar_builder{}
               .directory("d", {.mode = 0700})
               .symbolic_link("d", canary.string())
               .directory("d", {.mode = 0777, .uid = 1000, .gid = 1000}));
    EXPECT_EQ(facts_of("d").st_mode, S_IFDIR | 0777u);
    EXPECT_EQ(refusal(tar_builder{}.directory("e").symbolic_link("e", canary.string())), "accepted");
    EXPECT_TRUE(S_ISLNK(facts_of("e").st_mode));
}

TEST_F(layer_unpacking, a_file_over_a_link_replaces_the_link) {
    unpack(tar_builder{}.symbolic_link("f", (canary / "token").string()).file("f", "mine"));
    EXPECT_EQ(text(root / "f"), "mine");
    EXPECT_TRUE(S_ISREG(facts_of("f").st_mode));
}

TEST_F(layer_unpacking, hard_links_reach_only_files_and_links_of_the_layer) {
    const std::string token = (canary / "token").string();
    EXPECT_THAT(refusal(tar_builder{}.hard_link("h", token)), HasSubstr("does not have"));
    EXPECT_THAT(refusal(tar_builder{}.hard_link("h", "../../../canary/token")), HasSubstr("leads out"));
    EXPECT_THAT(refusal(tar_builder{}.symbolic_link("d", canary.string()).hard_link("h", "d/token")),
                HasSubstr("does not have"));
    EXPECT_THAT(refusal(tar_builder{}.directory("dir").hard_link("h", "dir")), HasSubstr("neither a file"));
    EXPECT_THAT(refusal(tar_builder{}.entry('6', "p", {}, {}, {}).hard_link("h", "p")), HasSubstr("neither a file"));
    // A second name for a link is harmless; nothing is written through it.
    unpack(tar_builder{}.symbolic_link("s", token).hard_link("second", "s").file("second", "mine"));
    EXPECT_EQ(text(root / "second"), "mine");
}

TEST_F(layer_unpacking, whiteouts_are_written_in_the_driver_s_style) {
    const auto archive = tar_builder{}
                             .file("d/.wh.gone", "")
                             .directory("o")
                             .file("o/.wh..wh..opq", "")
                             .file("o/kept", "x")
                             .directory(".wh..wh.plnk");
    unpack(archive);
    EXPECT_TRUE(is_whiteout("d/gone"));
    EXPECT_EQ(xattr("o", "trusted.overlay.opaque"), "y");
    EXPECT_EQ(text(root / "o/kept"), "x");
    EXPECT_FALSE(fs::exists(root / ".wh..wh.plnk"));
    fs::remove_all(root);
    fs::create_directories(root);
    unpack(archive, whiteout_style::marker);
    EXPECT_TRUE(fs::exists(root / "d/.wh.gone"));
    EXPECT_TRUE(fs::exists(root / "o/.wh..wh..opq"));
    EXPECT_EQ(xattr("o", "trusted.overlay.opaque"), "-");
}

TEST_F(layer_unpacking, a_name_that_was_hidden_and_is_there_again_hides_what_is_below) {
    unpack(tar_builder{}
               .file(".wh.first", "")
               .directory("first")
               .directory("then")
               .file(".wh.then", "")
               .file(".wh.implied", "")
               .file("implied/f", "x")
               .file(".wh.file", "")
               .file("file", "x"));
    EXPECT_EQ(xattr("first", "trusted.overlay.opaque"), "y");
    EXPECT_EQ(xattr("then", "trusted.overlay.opaque"), "y");
    EXPECT_EQ(xattr("implied", "trusted.overlay.opaque"), "y");
    EXPECT_EQ(text(root / "implied/f"), "x");
    EXPECT_EQ(text(root / "file"), "x");
}

TEST_F(layer_unpacking, whiteouts_of_what_is_no_name_are_refused) {
    for (const char* name : {"a/.wh.", "a/.wh..", "a/.wh...", ".wh.a/b", "a/.wh..wh."})
        EXPECT_THAT(refusal(tar_builder{}.directory("a").file(name, "")), HasSubstr("whiteout")) << name;
    EXPECT_THAT(refusal(tar_builder{}.directory(".wh.a")), HasSubstr("plain file"));
    EXPECT_THAT(refusal(tar_builder{}.entry('3', ".wh.a", {}, {}, {})), HasSubstr("plain file"));
    EXPECT_THAT(refusal(tar_builder{}.symbolic_link(".wh..wh..opq", "x")), HasSubstr("plain file"));
    unpack(tar_builder{}.symbolic_link("d", canary.string()).directory(canary.string()).file("d/.wh.token", ""));
    EXPECT_TRUE(is_whiteout(canary.string().substr(1) + "/token"));
}

TEST_F(layer_unpacking, only_harmless_attributes_are_kept) {
    const std::string capability{"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};
    const auto attributes = [&](const char* name, const std::string& value) {
        return tar_builder::facts{.mode = 0755, .pax = {{std::string{"SCHILY.xattr."} + name, value}}};
    };
    unpack(tar_builder{}
               .directory("redirect", attributes("trusted.overlay.redirect", "/other"))
               .directory("opaque", attributes("trusted.overlay.opaque", "y"))
               .directory("mine", attributes("user.overlay.opaque", "y"))
               .file("f", "x", attributes("user.k", "v"))
               .file("cap", "x", attributes("security.capability", capability))
               .file("label", "x", attributes("security.selinux", "l")));
    EXPECT_EQ(xattr("redirect", "trusted.overlay.redirect"), "-");
    EXPECT_EQ(xattr("opaque", "trusted.overlay.opaque"), "-");
    EXPECT_EQ(xattr("mine", "user.overlay.opaque"), "-");
    EXPECT_EQ(xattr("f", "user.k"), "v");
    EXPECT_EQ(xattr("cap", "security.capability"), capability);
    EXPECT_EQ(xattr("label", "security.selinux"), "-");
}

TEST_F(layer_unpacking, what_is_in_the_way_is_replaced_but_a_directory_that_comes_again_keeps_its_content) {
    unpack(tar_builder{}
               .file("a/b/c/f", "1")
               .file("a/b", "now a file")
               .directory("d")
               .file("d/f", "2")
               .directory("d", {.mode = 0700})
               .file("d/f", "3")
               .file("top/x", "4")
               .file("top", "5")
               .file("other", "6"));
    EXPECT_EQ(text(root / "a/b"), "now a file");
    EXPECT_EQ(text(root / "d/f"), "3");
    EXPECT_EQ(facts_of("d").st_mode, S_IFDIR | 0700u);
    EXPECT_EQ(text(root / "top"), "5");
}

TEST_F(layer_unpacking, a_link_that_was_replaced_leads_to_its_new_target) {
    unpack(tar_builder{}
               .directory("old")
               .directory("new")
               .symbolic_link("way", "old")
               .file("way/first", "1")
               .symbolic_link("way", "new")
               .file("way/second", "2"));
    EXPECT_EQ(text(root / "old/first"), "1");
    EXPECT_EQ(text(root / "new/second"), "2");
    EXPECT_FALSE(fs::exists(root / "old/second"));
}

TEST_F(layer_unpacking, a_parent_that_is_no_directory_is_refused) {
    EXPECT_THAT(refusal(tar_builder{}.file("f", "x").file("f/g", "y")), HasSubstr("no directory"));
    EXPECT_NE(refusal(tar_builder{}.symbolic_link("dangling", "/nowhere").file("dangling/g", "y")), "accepted");
    EXPECT_NE(refusal(tar_builder{}.symbolic_link("loop", "loop").file("loop/g", "y")), "accepted");
}

TEST_F(layer_unpacking, limits_count_what_is_made_and_not_only_what_is_told) {
    tar_builder deep;
    for (char c = 'a'; c < 'k'; ++c) deep.file(std::string{c} + "/1/2/3/4/5/6/7/8/9/f", "");
    EXPECT_THAT(refusal(deep, {.entries = 50}), HasSubstr("more than 50 files and directories"));
    tar_builder marks;
    for (char c = 'p'; c < 's'; ++c) marks.file(std::string{c} + "/.wh..wh..opq", "");
    EXPECT_THAT(refusal(marks, {.entries = 4}, whiteout_style::marker), HasSubstr("more than 4 files and directories"));
    EXPECT_EQ(refusal(marks, {.entries = 4}), "accepted"); // no file of its own
    EXPECT_THAT(refusal(tar_builder{}.directory(std::string(90, 'd')).directory(std::string(91, 'd')),
                        {.directory_path_bytes = 100}),
                HasSubstr("names of the layer's directories"));
    EXPECT_THAT(refusal(tar_builder{}.file("x", "", {.pax = {{"path", std::string(300, 'n')}}})), HasSubstr("255"));
    EXPECT_THAT(refusal(tar_builder{}.file("x", "", {.pax = {{"path", std::string(5000, '/')}}})), HasSubstr("4095"));
}

TEST_F(layer_unpacking, what_gnu_tar_writes_of_sparse_files_comes_back_with_holes) {
    const fs::path source = top / "deep" / "er" / "source";
    fs::create_directories(source);
    constexpr std::uint64_t size = 4u << 20;
    const auto fill = [&](const char* name, std::initializer_list<std::uint64_t> places) {
        std::ofstream file{source / name};
        for (const auto place : places) file.seekp(static_cast<std::streamoff>(place)).write("here", 4);
        file.close();
        fs::resize_file(source / name, size);
    };
    fill("ends-in-a-hole", {0, 1u << 20, 3u << 20});
    fill("ends-in-data", {1u << 20, size - 4});
    fill("is-one-hole", {});
    std::ofstream many{source / "has-many-holes"};
    for (std::streamoff at = 0; at < 100; ++at) many.seekp(at << 15).write("x", 1);
    many.close();
    for (const std::string version : {"0.0", "0.1", "1.0"}) {
        const fs::path archive = top / "deep" / "er" / ("a-" + version);
        const std::string command = "tar --sparse --format=posix --sparse-version=" + version + " -cf " +
                                    archive.string() + " -C " + source.string() + " .";
        ASSERT_EQ(std::system(command.c_str()), 0);
        fs::remove_all(root);
        fs::create_directories(root);
        unpack(tar_builder{}.raw(text(archive)));
        EXPECT_EQ(content_bytes, 3 * size + fs::file_size(source / "has-many-holes"));
        for (const auto& file : fs::directory_iterator{source}) {
            const fs::path made = root / file.path().filename();
            EXPECT_EQ(text(made), text(file.path())) << made << " of " << version;
            struct stat facts{};
            ASSERT_EQ(::stat(made.c_str(), &facts), 0);
            EXPECT_LT(facts.st_blocks, 2048) << made << " of " << version;
        }
    }
}

TEST_F(layer_unpacking, holes_count_as_content_and_have_a_bound) {
    const auto one_hole = [](const std::string& name, const std::string& size) {
        return tar_builder{}
            .file(name, "", {.pax = {{"GNU.sparse.numblocks", "0"}, {"GNU.sparse.size", size}}})
            .open_end();
    };
    EXPECT_THAT(refusal(tar_builder{}.raw(one_hole("huge", "9223372036854775807"))),
                AllOf(HasSubstr("more than"), HasSubstr("huge")));
    const unpack_limits limits{.content_bytes = 1000};
    EXPECT_EQ(refusal(tar_builder{}.raw(one_hole("a", "999")).file("b", "b"), limits), "accepted");
    EXPECT_THAT(refusal(tar_builder{}.raw(one_hole("c", "999")).file("d", "dd"), limits),
                AllOf(HasSubstr("more than 1000 bytes"), HasSubstr("\"d\"")));
}

} // namespace
} // namespace davit
