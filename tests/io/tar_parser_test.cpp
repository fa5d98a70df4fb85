#include "io/tar_parser.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/stream.h"
#include "tests/io/tar_builder.h"

namespace davit::io {
namespace {

struct seen_entry {
    tar_entry head;
    std::string content; // holes as zeros
    bool has_ended = false;
    std::uint64_t hole_bytes = 0;
};

class recorder final : public tar_receiver {
  public:
    void begin_entry(const tar_entry& entry) override { seen.push_back({entry, {}}); }
    void content(std::span<const std::byte> piece) override {
        seen.back().content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    void hole(std::uint64_t bytes) override {
        seen.back().content.append(bytes, '\0');
        seen.back().hole_bytes += bytes;
    }
    void end_entry() override { seen.back().has_ended = true; }

    std::vector<seen_entry> seen;
};

std::vector<seen_entry> parse(const std::string& archive, std::size_t piece = 1 << 20, tar_limits limits = {}) {
    recorder found;
    tar_parser parser{found, limits};
    for (std::size_t at = 0; at < archive.size(); at += piece)
        parser.feed(as_bytes(std::string_view{archive}.substr(at, piece)));
    parser.finish();
    return found.seen;
}

std::string refusal_of(const std::string& archive, tar_limits limits = {}) {
    try {
        parse(archive, 4096, limits);
    } catch (const error& e) {
        return e.what();
    }
    return "accepted";
}

TEST(tar_parser, entries_of_all_kinds_come_out_whatever_the_pieces) {
    const std::string big(100'000, 'b');
    const std::string archive = tar_builder{}
                                    .directory("d/", {.mode = 01777})
                                    .file("d/f", "hello", {.mode = 04755, .uid = 1000, .gid = 50})
                                    .file("d/big", big)
                                    .file("empty", "")
                                    .symbolic_link("s", "d/f")
                                    .hard_link("h", "d/f")
                                    .entry('3', "null", {}, {}, {.major = 1, .minor = 3})
                                    .entry('6', "pipe", {}, {}, {})
                                    .whole();
    for (const std::size_t piece : {1u, 7u, 511u, 512u, 513u, 1u << 20}) {
        const auto seen = parse(archive, piece);
        ASSERT_EQ(seen.size(), 8u);
        EXPECT_EQ(seen[0].head.kind, tar_kind::directory);
        EXPECT_EQ(seen[0].head.mode, 01777u);
        EXPECT_EQ(seen[1].head.path, "d/f");
        EXPECT_EQ(seen[1].content, "hello");
        EXPECT_EQ(seen[1].head.mode, 04755u);
        EXPECT_EQ(seen[1].head.uid, 1000u);
        EXPECT_EQ(seen[1].head.gid, 50u);
        EXPECT_EQ(seen[1].head.mtime_seconds, 1'000'000'000);
        EXPECT_EQ(seen[2].content, big);
        EXPECT_EQ(seen[3].head.size, 0u);
        EXPECT_EQ(seen[4].head.link_target, "d/f");
        EXPECT_EQ(seen[5].head.kind, tar_kind::hard_link);
        EXPECT_EQ(seen[6].head.device_minor, 3u);
        EXPECT_EQ(seen[7].head.kind, tar_kind::fifo);
        for (const auto& entry : seen) EXPECT_TRUE(entry.has_ended);
    }
}

TEST(tar_parser, pax_records_stand_above_the_header) {
    const auto seen = parse(tar_builder{}
                                .file("short", "12345",
                                      {.pax = {{"path", "a/long/name"},
                                               {"uid", "3000000"},
                                               {"mtime", "-1.25"},
                                               {"SCHILY.xattr.user.k", std::string{"a\0b=\n", 5}},
                                               {"comment", "x"}}})
                                .file("next", "1")
                                .whole());
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].head.path, "a/long/name");
    EXPECT_EQ(seen[0].head.uid, 3'000'000u);
    EXPECT_EQ(seen[0].head.mtime_seconds, -2);
    EXPECT_EQ(seen[0].head.mtime_nanoseconds, 750'000'000u);
    ASSERT_EQ(seen[0].head.xattrs.size(), 1u);
    EXPECT_EQ(seen[0].head.xattrs[0].first, "user.k");
    EXPECT_EQ(seen[0].head.xattrs[0].second, (std::string{"a\0b=\n", 5}));
    EXPECT_EQ(seen[1].head.path, "next");
    EXPECT_EQ(seen[1].head.uid, 0u);
    EXPECT_TRUE(seen[1].head.xattrs.empty());
}

TEST(tar_parser, gnu_long_names_and_large_numbers_are_read) {
    const std::string name(300, 'n'), target(200, 't');
    std::string sized = tar_builder::header('0', "big-uid", {}, "00000000001", {});
    sized.replace(108, 8, std::string{"\x80\0\0\0\0\x01\0\0", 8}); // base-256: 65536
    const auto seen = parse(tar_builder{}
                                .block('L', "././@LongLink", {}, name.size() + 1, {})
                                .data(name + '\0')
                                .block('K', "././@LongLink", {}, target.size() + 1, {})
                                .data(target + '\0')
                                .symbolic_link("cut", "cut")
                                .raw(tar_builder::with_checksum(sized))
                                .data("x")
                                .whole());
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].head.path, name);
    EXPECT_EQ(seen[0].head.link_target, target);
    EXPECT_EQ(seen[1].head.uid, 65536u);
}

TEST(tar_parser, a_ustar_prefix_is_put_before_the_name_and_old_directories_end_in_a_slash) {
    std::string prefixed = tar_builder::header('0', "name", {}, "00000000000", {});
    prefixed.replace(345, 6, "before");
    const auto seen =
        parse(tar_builder{}.raw(tar_builder::with_checksum(prefixed)).entry('\0', "old/", {}, {}, {}).whole());
    EXPECT_EQ(seen[0].head.path, "before/name");
    EXPECT_EQ(seen[1].head.kind, tar_kind::directory);
}

TEST(tar_parser, what_follows_the_end_is_ignored_and_an_end_may_be_missing) {
    EXPECT_EQ(parse(tar_builder{}.file("a", "a").whole() + "garbage").size(), 1u);
    EXPECT_EQ(parse(tar_builder{}.file("a", "a").open_end()).size(), 1u);
    EXPECT_EQ(parse("").size(), 0u);
    EXPECT_EQ(parse(std::string(10240, '\0')).size(), 0u);
}

TEST(tar_parser, archives_cut_anywhere_but_between_entries_are_refused) {
    const std::string archive =
        tar_builder{}.file("a", std::string(600, 'a')).file("b", "b", {.pax = {{"path", "c"}}}).open_end();
    for (const std::size_t size : {1u, 511u, 513u, 1000u, 1100u, 512u * 3 + 512, 512u * 5}) {
        if (size == 512u * 3) continue;
        EXPECT_NE(refusal_of(archive.substr(0, size)).find("ends in the middle"), std::string::npos) << size;
    }
}

TEST(tar_parser, hostile_headers_are_refused_by_name) {
    const auto with_size = [](std::string_view size) {
        return tar_builder{}.file("fine", "1").raw(tar_builder::header('0', "evil", {}, size, {})).whole();
    };
    EXPECT_NE(refusal_of(with_size(std::string{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12})).find("fine"),
              std::string::npos); // negative
    EXPECT_NE(refusal_of(with_size(std::string{"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12})).find("size"),
              std::string::npos); // more than 64 bits
    EXPECT_NE(refusal_of(with_size("9")).find("size"), std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.file("a", "a", {.pax = {{"path", std::string{"a\0b", 3}}}}).whole()).find("NUL"),
              std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.file("a", "a", {.pax = {{"size", "-1"}}}).whole()).find("size"),
              std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.file("a", "a", {.pax = {{"uid", "4294967295"}}}).whole()).find("owner"),
              std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.file("a", "a", {.pax = {{"GNU.sparse.major", "1"}}}).whole()).find("sparse"),
              std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.entry('S', "s", {}, {}, {}).whole()).find("sparse"), std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.entry('V', "v", {}, {}, {}).whole()).find("unknown kind"), std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.block('x', "p", {}, 5, {}).data("9 a=b").file("a", "a").whole()).find("PAX"),
              std::string::npos);
    EXPECT_NE(refusal_of("7z\xbc\xaf\x27\x1c" + std::string(1000, 'x')).find("not a tar header"), std::string::npos);
    std::string damaged = tar_builder{}.file("a", "a").whole();
    damaged[3] = 'x';
    EXPECT_NE(refusal_of(damaged).find("checksum"), std::string::npos);
}

using pax_pairs = std::vector<std::pair<std::string, std::string>>;

/// A sparse file whose records are in the order given, with what its header says is its content.
tar_builder sparse(const pax_pairs& records, std::string_view stored, char type = '0') {
    std::string text;
    for (const auto& [key, value] : records) text += tar_builder::pax_record("GNU.sparse." + key, value);
    tar_builder made;
    made.block('x', "pax", {}, text.size(), {}).data(text);
    return made.entry(type, "GNUSparseFile.7/s", {}, stored, {}).file("next", "n");
}

std::string map_block(std::string map) {
    map.resize((map.size() + 511) / 512 * 512, '\0');
    return map;
}

const std::string three_holes = std::string(10, '\0') + "abc" + std::string(17, '\0') + "de" + std::string(8, '\0');

TEST(tar_parser, sparse_files_of_all_pax_formats_come_out_with_their_holes) {
    const pax_pairs format_0_0 = {{"size", "40"},   {"numblocks", "3"}, {"offset", "10"}, {"numbytes", "3"},
                                  {"offset", "30"}, {"numbytes", "2"},  {"offset", "40"}, {"numbytes", "0"}};
    const pax_pairs format_0_1 = {{"size", "40"}, {"numblocks", "3"}, {"map", "10,3,30,2,40,0"}, {"name", "dir/s"}};
    const pax_pairs format_1_0 = {{"major", "1"}, {"minor", "0"}, {"name", "dir/s"}, {"realsize", "40"}};
    const std::string map = "3\n10\n3\n30\n2\n40\n0\n";
    const std::string long_map = "200\n" + [] {
        std::string lines;
        for (int i = 0; i < 198; ++i) lines += "10\n0\n";
        return lines + "10\n3\n30\n2\n";
    }();
    for (const auto& [archive, path] :
         {std::pair{sparse(format_0_0, "abcde"), "GNUSparseFile.7/s"}, std::pair{sparse(format_0_1, "abcde"), "dir/s"},
          std::pair{sparse(format_1_0, map_block(map) + "abcde"), "dir/s"},
          std::pair{sparse(format_1_0, map_block(long_map) + "abcde", '\0'), "dir/s"}})
        for (const std::size_t piece : {1u, 511u, 512u, 1u << 20}) {
            const auto seen = parse(archive.whole(), piece);
            ASSERT_EQ(seen.size(), 2u);
            EXPECT_EQ(seen[0].head.path, path);
            EXPECT_EQ(seen[0].head.kind, tar_kind::file);
            EXPECT_EQ(seen[0].head.size, 40u);
            EXPECT_EQ(seen[0].content, three_holes);
            EXPECT_EQ(seen[0].hole_bytes, 35u);
            EXPECT_TRUE(seen[0].has_ended);
            EXPECT_EQ(seen[1].head.path, "next");
            EXPECT_EQ(seen[1].content, "n");
            EXPECT_EQ(seen[1].hole_bytes, 0u);
        }
}

TEST(tar_parser, a_sparse_file_may_be_one_hole) {
    const auto seen = parse(sparse({{"size", "1000"}, {"numblocks", "0"}, {"map", ""}}, "").whole());
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].content, std::string(1000, '\0'));
    EXPECT_EQ(seen[0].hole_bytes, 1000u);
    EXPECT_TRUE(seen[0].has_ended);
}

TEST(tar_parser, sparse_maps_that_lie_are_refused_by_name) {
    const auto of_map = [](std::string_view map, std::string_view stored = "abcde", std::string_view size = "40",
                           std::string_view count = "2") {
        return refusal_of(sparse({{"size", std::string{size}},
                                  {"numblocks", std::string{count}},
                                  {"map", std::string{map}},
                                  {"name", "dir/s"}},
                                 stored)
                              .whole());
    };
    const auto of_lines = [](std::string map, std::string_view stored) {
        return refusal_of(sparse({{"major", "1"}, {"minor", "0"}, {"name", "dir/s"}, {"realsize", "40"}},
                                 map_block(std::move(map)) + std::string{stored})
                              .whole());
    };
    const auto refuses = [](const std::string& said, std::string_view reason) {
        EXPECT_NE(said.find("/s"), std::string::npos) << said;
        EXPECT_NE(said.find(reason), std::string::npos) << said;
    };
    EXPECT_EQ(of_map("10,3,30,2"), "accepted");
    refuses(of_map("10,3,12,2"), "overlap");
    refuses(of_map("30,3,10,2"), "descend");
    refuses(of_map("10,3,39,2"), "beyond");
    refuses(of_map("10,3,30,2", "abcde", "20"), "beyond");
    refuses(of_map("10,3,9223372036854775807,2"), "beyond");
    refuses(of_map("0,9223372036854775807,9223372036854775807,9223372036854775807", "abcde", "9223372036854775807"),
            "beyond");
    refuses(of_map("10,3,30,18446744073709551615"), "number");
    refuses(of_map("10,3,-1,2"), "number");
    refuses(of_map("10,3,,2"), "number");
    refuses(of_map("10,3,30"), "without its size");
    refuses(of_map("10,3,30,2", "abcd"), "another size");
    refuses(of_map("10,3,30,2", "abcdef"), "another size");
    refuses(of_map("10,3,30,2", "abcde", "40", "3"), "another number");
    refuses(of_map("10,3,30,2", "abcde", "40", "9223372036854775807"), "another number");
    refuses(of_map("10,3,30,2", "abcde", "-40"), "number");

    EXPECT_EQ(of_lines("2\n10\n3\n30\n2\n", "abcde"), "accepted");
    refuses(of_lines("2\n10\n3\n11\n2\n", "abcde"), "overlap");
    refuses(of_lines("2\n10\n3\n30\n2\n", "abcdef"), "another size");
    refuses(of_lines("9223372036854775807\n10\n3\n", "abcde"), "more than");
    refuses(of_lines("262145\n10\n3\n", "abcde"), "more than");
    refuses(of_lines("2\n10\n3\n30\n99999999999999999999\n", "abcde"), "does not fit");
    refuses(of_lines("2\n10\n\n30\n2\n", "abcde"), "number");
    refuses(of_lines("2\n10\n-3\n30\n2\n", "abcde"), "number");
    refuses(of_lines("2 10 3", "abcde"), "number");
    refuses(of_lines("2\n10\n3\n30\n", std::string(512, '\0')), "number");
    refuses(of_lines(std::string(512, '0'), std::string(1u << 20, '0')), "more than");
    refuses(
        refusal_of(sparse({{"major", "1"}, {"minor", "0"}, {"name", "dir/s"}, {"realsize", "4"}}, "1\n0\n").whole()),
        "map is cut");
    refuses(refusal_of(sparse({{"major", "2"}, {"minor", "0"}, {"name", "dir/s"}}, "abcde").whole()), "version");
    refuses(refusal_of(sparse({{"size", "4"}, {"numblocks", "0"}, {"name", "dir/s"}}, "", '5').whole()), "no file");
    refuses(refusal_of(sparse({{"size", "4"}, {"name", "dir/s"}, {"numbytes", "1"}}, "a").whole()), "without its size");
    refuses(refusal_of(sparse({{"name", "dir/s"}, {"offset", "1"}, {"offset", "1"}}, "a").whole()), "without its size");
}

TEST(tar_parser, limits_end_archives_that_do_not) {
    EXPECT_NE(refusal_of(tar_builder{}.block('x', "p", {}, 1u << 30, {}).whole()).find("extended header"),
              std::string::npos);
    EXPECT_NE(refusal_of(tar_builder{}.block('L', "p", {}, 1u << 30, {}).whole()).find("extended header"),
              std::string::npos);
    tar_builder many;
    for (int i = 0; i < 20; ++i) many.file("a", "");
    EXPECT_NE(refusal_of(many.whole(), {.entries = 19}).find("more than 19 entries"), std::string::npos);
    tar_builder headers;
    for (int i = 0; i < 20; ++i) headers.block('x', "p", {}, 0, {});
    EXPECT_NE(refusal_of(headers.whole(), {.entries = 19}).find("more than 19 entries"), std::string::npos);
}

} // namespace
} // namespace davit::io
