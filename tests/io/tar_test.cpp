#include "io/tar.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/refusal.h"
#include "tests/io/raw_tar.h"

namespace davit::io {
namespace {

using namespace std::string_literals;

/// A source that gives an archive in pieces of at most `piece` bytes.
tar_reader::source from(std::string text, std::size_t piece = 1 << 20) {
    return [text = std::move(text), at = std::size_t{0}, piece](std::span<std::byte> room) mutable {
        const auto size = std::min({room.size(), text.size() - at, piece});
        std::memcpy(room.data(), text.data() + at, size);
        at += size;
        return size;
    };
}

struct content_of {
    tar_entry entry;
    std::string content;
};

std::vector<content_of> read_all(const std::string& text, tar_reader_limits limits = {}, std::size_t piece = 1 << 20) {
    std::vector<content_of> all;
    tar_reader reader{from(text, piece), limits};
    while (const auto* entry = reader.next()) {
        content_of one{*entry, {}};
        one.content = reader.read_content(100u << 20);
        all.push_back(std::move(one));
    }
    return all;
}

std::string refusal(const std::string& text, tar_reader_limits limits = {}, errc category = errc::invalid) {
    return refusal_of([&] { read_all(text, limits); }, category);
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string write(const std::vector<content_of>& entries) {
    std::string out;
    tar_writer writer{[&](std::span<const std::byte> bytes) {
        out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }};
    for (const auto& [entry, content] : entries) writer.add(entry, content);
    writer.finish();
    return out;
}

std::vector<content_of> samples() {
    const auto long_name = "deep/" + std::string(300, 'n') + "/file";
    return {
        {{.kind = tar_kind::directory, .path = "bin/", .mode = 01755, .mtime_seconds = 1700000000}, ""},
        {{.path = "bin/busybox",
          .mode = 04755,
          .uid = 1000,
          .gid = 100,
          .mtime_seconds = 1700000000,
          .mtime_nanoseconds = 123456789},
         "\0elf"s},
        {{.kind = tar_kind::symbolic_link, .path = "bin/sh", .link_target = "busybox", .mode = 0777}, ""},
        {{.kind = tar_kind::hard_link, .path = "bin/ls", .link_target = "bin/busybox", .mode = 0755}, ""},
        {{.kind = tar_kind::character_device, .path = "dev/null", .mode = 0666, .device_major = 1, .device_minor = 3},
         ""},
        {{.kind = tar_kind::block_device, .path = "dev/sda", .mode = 0660, .device_major = 8, .device_minor = 300}, ""},
        {{.kind = tar_kind::fifo, .path = "run/pipe", .mode = 0600, .mtime_seconds = -5}, ""},
        {{.path = long_name, .mode = 0644, .uid = 4'000'000'000, .gid = 3'000'000}, std::string(200'000, 'x')},
        {{.kind = tar_kind::symbolic_link, .path = "link", .link_target = long_name, .mode = 0777}, ""},
        {{.path = "größe/\xff\xfe", .mode = 0644}, "bytes"},
        {{.path = "cap", .mode = 0755, .xattrs = {{"security.capability", "\1\0\0\2\0=\n"s}, {"user.empty", ""}}}, "c"},
        {{.path = ".wh.gone", .mode = 0600}, ""},
    };
}

void expect_same(const content_of& got, const content_of& wanted) {
    SCOPED_TRACE(wanted.entry.path);
    EXPECT_EQ(got.entry.path, wanted.entry.path);
    EXPECT_EQ(got.entry.kind, wanted.entry.kind);
    EXPECT_EQ(got.entry.link_target, wanted.entry.link_target);
    EXPECT_EQ(got.entry.mode, wanted.entry.mode);
    EXPECT_EQ(got.entry.uid, wanted.entry.uid);
    EXPECT_EQ(got.entry.gid, wanted.entry.gid);
    EXPECT_EQ(got.entry.mtime_seconds, wanted.entry.mtime_seconds);
    EXPECT_EQ(got.entry.mtime_nanoseconds, wanted.entry.mtime_nanoseconds);
    EXPECT_EQ(got.entry.device_major, wanted.entry.device_major);
    EXPECT_EQ(got.entry.device_minor, wanted.entry.device_minor);
    EXPECT_EQ(got.entry.xattrs, wanted.entry.xattrs);
    EXPECT_EQ(got.entry.size, wanted.content.size());
    EXPECT_TRUE(got.content == wanted.content);
}

TEST(tar, what_is_written_reads_back_the_same) {
    const auto wanted = samples();
    const auto text = write(wanted);
    for (const auto piece : {1u << 20, 512u, 77u}) {
        const auto got = read_all(text, {}, piece);
        ASSERT_EQ(got.size(), wanted.size());
        for (std::size_t at = 0; at < got.size(); ++at) expect_same(got[at], wanted[at]);
    }
}

TEST(tar, equal_entries_give_equal_bytes_without_padding) {
    EXPECT_TRUE(write(samples()) == write(samples()));
    EXPECT_EQ(write({}).size(), 1024u);
    EXPECT_EQ(write({{{.path = "a", .mode = 0644, .mtime_seconds = 1}, "x"}}).size(), 512u + 512u + 1024u);
}

TEST(tar, content_may_be_left_unread) {
    const auto wanted = samples();
    tar_reader reader{from(write(wanted), 1000)};
    for (const auto& [entry, content] : wanted) {
        const auto* got = reader.next();
        ASSERT_NE(got, nullptr);
        EXPECT_EQ(got->path, entry.path);
    }
    EXPECT_EQ(reader.next(), nullptr);
    EXPECT_EQ(reader.next(), nullptr);
}

TEST(tar, empty_archives_have_no_entries) {
    EXPECT_TRUE(read_all("").empty());
    EXPECT_TRUE(read_all(raw_tar::end()).empty());
    EXPECT_TRUE(read_all(std::string(10240, '\0')).empty());
}

TEST(tar, old_and_gnu_formats_are_read) {
    const auto long_name = std::string(200, 'l');
    const auto text = raw_tar{.name = "old", .type = '\0', .magic = std::string(8, '\0')}.with("1") +
                      raw_tar{.name = "././@LongLink", .type = 'L'}.with(long_name + '\0') +
                      raw_tar{.name = "cut", .magic = "ustar  \0"s}.with("2") + raw_tar{.name = "ustar"}.with("3") +
                      raw_tar::end();
    const auto got = read_all(text);
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(got[0].entry.path, "old");
    EXPECT_EQ(got[1].entry.path, long_name);
    EXPECT_EQ(got[1].content, "2");
    EXPECT_EQ(got[2].content, "3");
}

TEST(tar, names_are_bytes_whatever_header_they_come_in) {
    for (const auto& name : {"größe"s, "\xff\xfe"s, "a\x80"s}) {
        for (const auto& text :
             {raw_tar{.name = name}.with(), raw_tar::pax(raw_tar::record("path", name)) + raw_tar{}.with(),
              raw_tar{.name = "l", .type = 'L'}.with(name + '\0') + raw_tar{}.with(), write({{{.path = name}, ""}})}) {
            const auto got = read_all(text + raw_tar::end());
            ASSERT_EQ(got.size(), 1u);
            EXPECT_EQ(got[0].entry.path, name);
        }
    }
    EXPECT_FALSE(holds(write({{{.path = "größe"}, ""}}), "hdrcharset"));
}

TEST(tar, a_link_is_read_where_only_its_extended_header_has_it) {
    for (const char type : {'1', '2'})
        for (const auto& extended :
             {raw_tar::pax(raw_tar::record("linkpath", "日本")), raw_tar{.name = "l", .type = 'K'}.with("日本\0"s)}) {
            const auto got =
                read_all(extended + raw_tar{.type = type}.with() + raw_tar{.name = "next"}.with("n") + raw_tar::end());
            ASSERT_EQ(got.size(), 2u);
            EXPECT_EQ(got[0].entry.link_target, "日本");
            EXPECT_EQ(got[0].entry.kind, type == '1' ? tar_kind::hard_link : tar_kind::symbolic_link);
            EXPECT_EQ(got[1].content, "n");
        }
    EXPECT_TRUE(
        holds(refusal(raw_tar{.name = "odd", .type = '2'}.with() + raw_tar::end()), "\"odd\" links to nothing"));
    EXPECT_TRUE(
        holds(refusal(raw_tar{.name = "odd", .type = '1'}.with() + raw_tar::end()), "\"odd\" links to nothing"));
}

TEST(tar, a_sparse_file_has_holes_between_its_blocks) {
    const auto records = raw_tar::record("GNU.sparse.major", "0") + raw_tar::record("GNU.sparse.minor", "1") +
                         raw_tar::record("GNU.sparse.name", "sparse") + raw_tar::record("GNU.sparse.numblocks", "2") +
                         raw_tar::record("GNU.sparse.map", "0,3,1000,2") + raw_tar::record("GNU.sparse.size", "2000");
    const auto text =
        raw_tar::pax(records) + raw_tar{}.with("abcde") + raw_tar{.name = "next"}.with("n") + raw_tar::end();
    const auto got = read_all(text);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].entry.path, "sparse");
    EXPECT_EQ(got[0].entry.size, 2000u);
    EXPECT_TRUE(got[0].content == "abc" + std::string(997, '\0') + "de" + std::string(998, '\0'));
    EXPECT_EQ(got[1].content, "n");
    EXPECT_TRUE(holds(refusal(text, {.total_bytes = 1999}, errc::too_large), "more than 1999, which is the limit"));
}

TEST(tar, a_sparse_map_that_lies_is_refused) {
    const auto sparse = [](std::string_view map, std::string_view size) {
        const auto records = raw_tar::record("GNU.sparse.major", "0") + raw_tar::record("GNU.sparse.minor", "1") +
                             raw_tar::record("GNU.sparse.numblocks", "2") + raw_tar::record("GNU.sparse.map", map) +
                             raw_tar::record("GNU.sparse.size", size);
        return raw_tar::pax(records) + raw_tar{}.with("abcde") + raw_tar::end();
    };
    EXPECT_NE(refusal(sparse("1000,3,0,2", "2000")), "");
    EXPECT_NE(refusal(sparse("0,3,1000,2", "100")), "");
    EXPECT_NE(refusal(sparse("-1,3,1000,2", "2000")), "");
    EXPECT_NE(refusal(sparse("0,3,9223372036854775807,2", "2000")), "");
    EXPECT_NE(refusal(sparse("0,3,1000,2", "-2000")), "");
}

TEST(tar, other_formats_are_refused) {
    for (const auto& text : {"7z\xBC\xAF\x27\x1C"s, "Rar!\x1A\x07\x01\0"s, "070701"s, "#!/bin/sh\n"s, "!<arch>\n"s,
                             "PK\x03\x04"s, "#mtree\n"s, "\x1F\x8B\x08\0"s, "x"s,
                             "\xFD"
                             "7zXZ\0"s})
        for (const auto size : {0u, 600u, 20'000u})
            EXPECT_EQ(refusal(text + std::string(size, 'x')), "this is not a tar archive") << text;
}

TEST(tar, an_archive_that_is_cut_off_is_refused) {
    const auto text = write(samples());
    for (std::size_t size = 1; size < 6000; size += 97)
        if (size % 512 != 0) EXPECT_NE(refusal(text.substr(0, size)), "") << size;
    EXPECT_NE(refusal(raw_tar{}.with(std::string(5000, 'x')).substr(0, 2048)), "");
}

TEST(tar, a_damaged_header_is_refused) {
    auto text = raw_tar{.name = "good"}.with("1") + raw_tar{.name = "bad"}.with("2") + raw_tar::end();
    text[1024 + 3] = 'X';
    const auto reason = refusal(text);
    EXPECT_TRUE(holds(reason, "tar entry 2 (\"badX\")")) << reason;
}

TEST(tar, negative_and_overflowing_sizes_are_refused) {
    const auto base256 = [](unsigned char first, char rest) {
        return static_cast<char>(first) + std::string(11, rest);
    };
    for (const auto& field : {base256(0xFF, '\xFF'), base256(0x80, '\xFF'), base256(0xFF, '\0'), "-0000000001"s})
        EXPECT_NE(refusal(raw_tar{.name = "odd", .size_field = field}.with() + raw_tar::end()), "");
    for (const auto* size : {"-1", "9223372036854775808", "99999999999999999999999", "1x", "", " 5"}) {
        const auto reason = refusal(raw_tar::pax(raw_tar::record("size", size)) + raw_tar{.name = "odd"}.with("12345") +
                                    raw_tar::end());
        EXPECT_NE(reason, "") << size;
    }
    const auto huge = raw_tar::pax(raw_tar::record("size", "9223372036854775807")) + raw_tar{.name = "odd"}.with();
    EXPECT_TRUE(holds(refusal(huge), "odd"));
    const auto large = raw_tar::pax(raw_tar::record("size", "1152921504606846976")) + raw_tar{.name = "odd"}.with();
    EXPECT_TRUE(holds(refusal(large, {}, errc::too_large), "odd"));
}

TEST(tar, a_nul_in_a_pax_name_is_refused_with_the_entry) {
    for (const auto* key : {"path", "linkpath", "uname", "GNU.sparse.name"}) {
        const auto reason = refusal(raw_tar::pax(raw_tar::record(key, "etc/pass\0wd"s)) +
                                    raw_tar{.name = "odd"}.with() + raw_tar::end());
        EXPECT_TRUE(holds(reason, "a name holds a NUL byte")) << key << ": " << reason;
        EXPECT_TRUE(holds(reason, "tar entry 1 (\"odd\")")) << reason;
    }
    EXPECT_TRUE(holds(
        refusal(raw_tar::pax(raw_tar::record("SCHILY.xattr.a\0b"s, "x")) + raw_tar{}.with() + raw_tar::end()), "NUL"));
    EXPECT_TRUE(
        holds(refusal(raw_tar{.name = "l", .type = 'L'}.with("a\0b\0"s) + raw_tar{}.with() + raw_tar::end()), "NUL"));
    EXPECT_TRUE(
        holds(refusal(raw_tar::pax(raw_tar::record("path", "a\0b"s), 'g') + raw_tar{}.with() + raw_tar::end()), "NUL"));
}

TEST(tar, a_nul_is_noticed_after_content_of_any_size) {
    for (const auto size : {0u, 1u, 511u, 512u, 65'000u, 65'536u, 200'000u})
        for (const bool is_hardlink : {false, true}) {
            const auto first =
                raw_tar{.name = "first", .type = is_hardlink ? '1' : '0', .link = is_hardlink ? "x" : ""};
            const auto text = first.with(is_hardlink ? ""s : std::string(size, 'x')) +
                              raw_tar{.name = "second"}.with("2") + raw_tar::pax(raw_tar::record("path", "a\0b"s)) +
                              raw_tar{}.with() + raw_tar::end();
            EXPECT_TRUE(holds(refusal(text), "NUL")) << size;
        }
}

TEST(tar, malformed_pax_records_are_refused) {
    for (const auto& body : {"5 a=b\n"s, "99 a=b\n"s, "x a=b\n"s, "6 a=bX"s, "5 =b\n"s, "5 ab\n"s, "0 a=b\n"s,
                             "-6 a=b\n"s, "18446744073709551616 a=b\n"s})
        EXPECT_NE(refusal(raw_tar::pax(body) + raw_tar{}.with() + raw_tar::end()), "") << body;
}

TEST(tar, limits_are_named_when_they_are_passed) {
    const auto pax_path = [](std::size_t size) {
        return raw_tar::pax(raw_tar::record("path", std::string(size, 'p'))) + raw_tar{}.with() + raw_tar::end();
    };
    EXPECT_EQ(refusal(pax_path(4096)), "");
    EXPECT_TRUE(holds(refusal(pax_path(4097), {}, errc::too_large), "its path is over 4096 bytes"));
    EXPECT_TRUE(holds(refusal(pax_path(2'000'000), {}, errc::too_large), "one of its headers is over 1048576 bytes"));
    EXPECT_TRUE(holds(refusal(pax_path(2000), {.header_bytes = 2048}, errc::too_large), "are over 2048 bytes"));

    const auto link =
        raw_tar::pax(raw_tar::record("linkpath", std::string(5000, 'l'))) + raw_tar{.name = "odd", .type = '2'}.with();
    EXPECT_TRUE(holds(refusal(link, {}, errc::too_large), "\"odd\": its link target is over 4096"));

    const auto attribute =
        raw_tar::pax(raw_tar::record("SCHILY.xattr.user.a", std::string(70'000, 'v'))) + raw_tar{.name = "odd"}.with();
    EXPECT_TRUE(holds(refusal(attribute, {}, errc::too_large), "\"odd\": an extended attribute is over 65536"));

    std::string many;
    for (int number = 0; number < 11; ++number) many += raw_tar{}.with("12345");
    EXPECT_TRUE(holds(refusal(many, {.entries = 10}, errc::too_large), "more than 10 entries"));
    EXPECT_TRUE(holds(refusal(many, {.total_bytes = 54}, errc::too_large), "more than 54"));
    EXPECT_EQ(refusal(many, {.entries = 11, .total_bytes = 55}), "");
}

TEST(tar, endless_extended_headers_are_stopped) {
    std::string text;
    for (int number = 0; number < 3000; ++number) text += raw_tar::pax(raw_tar::record("comment", "c"), 'g');
    EXPECT_NE(refusal(text + raw_tar{}.with() + raw_tar::end()), "");
    EXPECT_NE(refusal(raw_tar{.name = "l", .type = 'L', .size_field = "77777777777"}.with(std::string(3'000'000, 'l')),
                      {}, errc::too_large),
              "");
}

TEST(tar, numbers_that_no_file_can_have_are_refused) {
    const auto id = raw_tar::pax(raw_tar::record("uid", "4294967296")) + raw_tar{.name = "odd"}.with() + raw_tar::end();
    EXPECT_TRUE(holds(refusal(id), "tar entry \"odd\": its user id 4294967296 is out of range"));
    const auto negative = raw_tar::pax(raw_tar::record("gid", "-1")) + raw_tar{.name = "odd"}.with() + raw_tar::end();
    EXPECT_NE(refusal(negative), "");
    EXPECT_TRUE(holds(refusal(raw_tar{.name = ""}.with() + raw_tar::end()), "no path"));
}

TEST(tar, an_error_of_the_source_comes_through) {
    auto good = from(write(samples()), 4096);
    int calls = 0;
    tar_reader reader{[&](std::span<std::byte> room) -> std::size_t {
        if (++calls == 3) throw error(errc::unavailable, "the connection broke");
        return good(room);
    }};
    try {
        while (reader.next() != nullptr) {
        }
        FAIL() << "nothing was thrown";
    } catch (const error& broken) {
        EXPECT_EQ(broken.category(), errc::unavailable);
        EXPECT_EQ(broken.text(), "the connection broke");
    }
    EXPECT_EQ(reader.next(), nullptr);
}

TEST(tar, memory_does_not_depend_on_content) {
    // A gigabyte of zeros out of nothing: only a few blocks of it are ever held.
    const auto head = raw_tar{.name = "big", .size_field = "10000000000"}.with();
    std::uint64_t at = 0;
    tar_reader reader{[&](std::span<std::byte> room) -> std::size_t {
        const auto size = at < head.size() ? std::min(room.size(), head.size() - at) : room.size();
        if (at < head.size())
            std::memcpy(room.data(), head.data() + at, size);
        else
            std::fill(room.begin(), room.end(), std::byte{0});
        at += size;
        EXPECT_LE(room.size(), 64u << 10);
        return size;
    }};
    ASSERT_NE(reader.next(), nullptr);
    std::uint64_t total = 0;
    while (const auto piece = reader.next_block()) {
        EXPECT_EQ(piece->offset, total);
        total += piece->bytes.size();
    }
    EXPECT_EQ(total, 1ull << 30);
    EXPECT_EQ(reader.next(), nullptr);
}

TEST(tar, content_is_read_whole_only_within_a_bound) {
    tar_reader reader{from(raw_tar{}.with("12345") + raw_tar::end())};
    ASSERT_NE(reader.next(), nullptr);
    EXPECT_THROW(reader.read_content(4), error);
    EXPECT_EQ(reader.read_content(5), "12345");
}

TEST(tar, a_writer_holds_its_caller_to_the_size) {
    tar_writer writer{[](std::span<const std::byte>) {}};
    writer.add({.path = "a", .size = 3});
    EXPECT_THROW(writer.write(std::as_bytes(std::span{"1234", 4})), error);
    EXPECT_THROW(writer.add({.path = "b"}), error);
    EXPECT_THROW(writer.finish(), error);
}

TEST(tar, an_error_of_the_sink_comes_through) {
    tar_writer writer{[](std::span<const std::byte>) { throw error(errc::unavailable, "nobody listens"); }};
    writer.add({.path = "a"});
    EXPECT_THROW(writer.finish(), error);
}

} // namespace
} // namespace davit::io
