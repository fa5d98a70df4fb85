#include "modules/images/layer_extraction.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "io/stream.h"
#include "tests/io/tar_builder.h"
#include "tests/modules/digest_of.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string compressed(std::string_view bytes, bool with_zstd = false) {
    std::string made;
    const auto encoder = with_zstd ? io::make_zstd_encoder() : io::make_gzip_encoder();
    encoder->pass(io::as_bytes(bytes), true, [&](std::span<const std::byte> piece) {
        made.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    return made;
}

class extracting : public testing::Test {
  protected:
    extracting() {
        char path[] = "/var/tmp/davit-ex-XXXXXX";
        root = ::mkdtemp(path);
    }
    ~extracting() override { fs::remove_all(root); }

    extracted_layer extract(std::string_view blob, const digest& promised, const digest& diff_id,
                            extraction_limits limits = {}, std::size_t piece = 1000) {
        layer_extraction into{{"id", root.string(), whiteout_style::marker}, limits};
        for (std::size_t at = 0; at < blob.size(); at += piece) {
            auto rest = io::as_bytes(blob.substr(at, piece));
            while (!rest.empty()) rest = rest.subspan(into.step(rest, false).consumed);
        }
        while (!into.step({}, true).is_done) {
        }
        return into.finish(promised, diff_id);
    }
    std::string refusal(std::string_view blob, const digest& promised, const digest& diff_id,
                        extraction_limits limits = {}) {
        try {
            extract(blob, promised, diff_id, limits);
        } catch (const error& e) {
            return e.what();
        }
        return "accepted";
    }

    fs::path root;
    const std::string archive = io::tar_builder{}.file("f", std::string(5000, 'x')).file("g", "y").whole();
};

TEST_F(extracting, plain_gzip_and_zstd_layers_come_out_alike) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    for (const std::string& blob : {archive, compressed(archive), compressed(archive, true)}) {
        EXPECT_EQ(extract(blob, digest_of(blob), digest_of(archive)).content_bytes, 5001u);
        EXPECT_EQ(fs::file_size(root / "f"), 5000u);
        EXPECT_EQ(extract(blob, digest_of(blob), digest_of(archive), {}, 1).content_bytes, 5001u);
    }
}

TEST_F(extracting, wrong_bytes_are_told_by_their_digest_and_right_ones_by_what_is_wrong_with_them) {
    std::string blob = compressed(archive);
    const digest promised = digest_of(blob);
    EXPECT_THAT(refusal(blob, promised, digest_of("else")), HasSubstr("diff id"));
    blob[blob.size() / 2] ^= 0x55;
    EXPECT_THAT(refusal(blob, promised, digest_of(archive)), HasSubstr("verification failed"));
    EXPECT_THAT(refusal(blob, digest_of(blob), digest_of(archive)), testing::Not(HasSubstr("verification failed")));
    const std::string cut = archive.substr(0, 3000);
    EXPECT_THAT(refusal(cut, digest_of(cut), digest_of(cut)), HasSubstr("ends in the middle"));
    const std::string cut_gzip = compressed(archive).substr(0, 40);
    EXPECT_NE(refusal(cut_gzip, digest_of(cut_gzip), digest_of(archive)), "accepted");
    const std::string garbage = compressed(archive) + "garbage";
    EXPECT_NE(refusal(garbage, digest_of(garbage), digest_of(archive)), "accepted");
}

TEST_F(extracting, the_diff_id_of_a_sparse_layer_covers_the_archive_and_not_its_holes) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::string sparse =
        io::tar_builder{}
            .file("s", "xy",
                  {.pax = {{"GNU.sparse.map", "100,2"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.size", "5000"}}})
            .whole();
    const std::string blob = compressed(sparse);
    EXPECT_EQ(extract(blob, digest_of(blob), digest_of(sparse)).content_bytes, 5000u);
    EXPECT_EQ(fs::file_size(root / "s"), 5000u);
    EXPECT_THAT(refusal(blob, digest_of(blob), digest_of(archive)), HasSubstr("diff id"));
    // One byte of the map's record, which no file shows when the map stays a right one.
    std::string other = sparse;
    other.replace(other.find("100,2"), 5, "200,2");
    EXPECT_THAT(refusal(other, digest_of(other), digest_of(sparse)), HasSubstr("diff id"));
}

TEST_F(extracting, an_archive_that_expands_without_end_is_stopped) {
    const std::string zeros = io::tar_builder{}.file("z", std::string(64u << 20, '\0')).whole();
    const std::string blob = compressed(zeros);
    EXPECT_THAT(refusal(blob, digest_of(blob), digest_of(zeros), {.unpack = {}, .expanded_bytes = 1u << 20}),
                HasSubstr("1048576"));
    EXPECT_LE(fs::file_size(root / "z"), 2u << 20);
}

} // namespace
} // namespace davit
