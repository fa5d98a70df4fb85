#include "io/compression.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::io {
namespace {

using namespace std::string_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

/// Text that compresses, but not to nothing.
std::string sample(std::size_t size) {
    std::minstd_rand random{7};
    std::string text;
    while (text.size() < size) text += "layer " + std::to_string(random() % 5000) + (random() % 3 == 0 ? "\n" : " ");
    text.resize(size);
    return text;
}

/// All that a stage makes of the input when it gets at most `in_piece` bytes and room for `out_piece` bytes a step.
std::string run(byte_stage& stage, std::string_view input, std::size_t in_piece = 1 << 16,
                std::size_t out_piece = 1 << 16) {
    std::string output;
    std::vector<std::byte> room(out_piece);
    while (true) {
        const auto piece = bytes_of(input.substr(0, in_piece));
        const auto made = stage.step(piece, room, piece.size() == input.size());
        input.remove_prefix(made.consumed);
        output.append(reinterpret_cast<const char*>(room.data()), made.produced);
        if (made.is_done) return output;
        if (made.consumed == 0 && made.produced == 0 && input.empty()) {
            ADD_FAILURE() << "the stage stands still";
            return output;
        }
    }
}

std::string gzip(std::string_view text, int level = 1) {
    return run(*make_gzip_encoder(level), text);
}
std::string zstd(std::string_view text, int level = 3) {
    return run(*make_zstd_encoder(level), text);
}
std::string expand(std::string_view text, decoder_limits limits = {}) {
    decoder stage{limits};
    return run(stage, text);
}

std::string refusal(std::string_view input, decoder_limits limits = {}, errc category = errc::invalid) {
    return refusal_of([&] { expand(input, limits); }, category);
}

TEST(compression, every_encoder_is_undone_by_the_decoder) {
    const auto text = sample(1'000'000);
    for (int level = 1; level <= 9; ++level) {
        const auto packed = gzip(text, level);
        EXPECT_LT(packed.size(), text.size() / 2) << level;
        EXPECT_TRUE(expand(packed) == text) << level;
    }
    for (const int level : {1, 3, 19}) {
        const auto packed = zstd(text, level);
        EXPECT_LT(packed.size(), text.size() / 2) << level;
        EXPECT_TRUE(expand(packed) == text) << level;
    }
}

TEST(compression, pieces_of_any_size_give_the_same) {
    const auto text = sample(70'000);
    for (const auto& packed : {gzip(text), gzip(text, 6), zstd(text), text, gzip(text) + gzip("") + gzip(text, 9)}) {
        const auto whole = expand(packed);
        for (const auto in_piece : {1u, 2u, 7u, 4096u})
            for (const auto out_piece : {1u, 3u, 5000u}) {
                decoder stage;
                EXPECT_TRUE(run(stage, packed, in_piece, out_piece) == whole) << in_piece << " " << out_piece;
            }
    }
    const auto stages = [] {
        std::vector<std::unique_ptr<byte_stage>> made;
        made.push_back(make_gzip_encoder(1));
        made.push_back(make_gzip_encoder(6));
        made.push_back(make_zstd_encoder());
        return made;
    };
    for (const auto out_piece : {1u, 100u})
        for (const auto& stage : stages()) EXPECT_TRUE(expand(run(*stage, text, 13, out_piece)) == text);
}

TEST(compression, formats_are_told_by_their_first_bytes) {
    EXPECT_EQ(compression_of(bytes_of(gzip("x"))), compression::gzip);
    EXPECT_EQ(compression_of(bytes_of(zstd("x"))), compression::zstd);
    EXPECT_EQ(compression_of(bytes_of("\x50\x2A\x4D\x18"s)), compression::zstd);
    EXPECT_EQ(compression_of(bytes_of("\x28\xB5\x2F"s)), compression::none);
    EXPECT_EQ(compression_of({}), compression::none);
    decoder stage;
    run(stage, zstd("x"));
    EXPECT_EQ(stage.format(), compression::zstd);
    EXPECT_EQ(stage.expanded_bytes(), 1u);
}

TEST(compression, empty_and_short_plain_input_passes) {
    EXPECT_EQ(expand(""), "");
    EXPECT_EQ(expand("a"), "a");
    EXPECT_EQ(expand("abc"), "abc");
    EXPECT_EQ(expand("abcd"), "abcd");
    EXPECT_EQ(expand("\x28\xB5"), "\x28\xB5");
    EXPECT_EQ(expand(gzip("")), "");
    EXPECT_EQ(expand(zstd("")), "");
}

TEST(compression, members_and_frames_follow_one_another) {
    EXPECT_EQ(expand(gzip("a") + gzip("") + gzip("b", 6)), "ab");
    EXPECT_EQ(expand(zstd("a") + "\x50\x2A\x4D\x18\x03\x00\x00\x00xyz"s + zstd("") + zstd("b")), "ab");
}

TEST(compression, a_gzip_header_with_all_its_parts_is_read) {
    auto packed = gzip("content");
    packed[3] = '\x1E'; // header checksum, extra field, name and comment follow
    const auto head = packed.substr(0, 10) + "\x04\x00wxyz"s + "name\0"s + "comment\0"s;
    std::uint32_t crc = 0xFFFFFFFF;
    for (const unsigned char c : head) {
        crc ^= c;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    crc = ~crc;
    const auto checksum = std::string{static_cast<char>(crc & 0xFF), static_cast<char>(crc >> 8 & 0xFF)};
    for (const auto piece : {1u, 7u, 1000u}) {
        decoder stage;
        EXPECT_EQ(run(stage, head + checksum + packed.substr(10), piece), "content");
    }
    EXPECT_EQ(refusal(head + "xx" + packed.substr(10)), "the gzip stream is damaged: its header's checksum is wrong");
    packed[3] = '\x80';
    EXPECT_EQ(refusal(packed), "the gzip stream is damaged: no gzip header where one is due");
}

TEST(compression, a_stream_that_ends_early_is_refused_wherever_it_ends) {
    const auto text = sample(5'000);
    for (const auto& packed : {gzip(text), zstd(text)})
        for (std::size_t size = 4; size < packed.size(); ++size)
            EXPECT_NE(refusal(packed.substr(0, size)), "") << size << " of " << packed.size();
    EXPECT_EQ(refusal(gzip(text).substr(0, 100)), "the gzip stream ends in the middle");
    EXPECT_EQ(refusal(zstd(text).substr(0, 100)), "the zstd stream ends in the middle");
    EXPECT_EQ(refusal("\x1F\x8B"), "the gzip stream ends in the middle");
    EXPECT_NE(refusal(gzip(text) + gzip(text).substr(0, 5)), "");
    EXPECT_NE(refusal(zstd(text) + zstd(text).substr(0, 5)), "");
}

TEST(compression, garbage_after_the_stream_is_refused) {
    EXPECT_EQ(refusal(gzip("a") + "garbage"), "the gzip stream is damaged: no gzip header where one is due");
    EXPECT_NE(refusal(gzip("a") + std::string(512, '\0')), "");
    EXPECT_NE(refusal(zstd("a") + "garbage"), "");
    EXPECT_NE(refusal(gzip("a") + zstd("b")), "");
}

TEST(compression, a_flipped_bit_never_changes_the_content_unnoticed) {
    const auto text = sample(2'000);
    std::size_t harmless = 0; // a copy from another place with the same bytes
    for (auto packed : {gzip(text), zstd(text)})
        for (std::size_t at = 0; at < packed.size(); ++at) {
            packed[at] = static_cast<char>(packed[at] ^ 0x10);
            try {
                const auto result = expand(packed);
                const bool is_plain = result == packed; // the magic is no longer one
                harmless += is_plain ? 0 : 1;
                EXPECT_TRUE(is_plain || result == text) << at;
            } catch (const error& refused) {
                EXPECT_NE(refused.category(), errc::internal);
            }
            packed[at] = static_cast<char>(packed[at] ^ 0x10);
        }
    EXPECT_LT(harmless, 20u);
}

TEST(compression, what_expands_past_the_limit_is_refused_with_the_limit) {
    const std::string zeros(10 << 20, '\0');
    for (const auto& packed : {gzip(zeros), zstd(zeros), zeros}) {
        EXPECT_EQ(refusal(packed, {.expanded_bytes = (10 << 20) - 1}, errc::too_large),
                  "the content expands to more than 10485759 bytes, which is the limit");
        EXPECT_EQ(refusal(packed, {.expanded_bytes = 10 << 20}), "");
    }
}

TEST(compression, a_zstd_window_over_the_limit_is_refused) {
    // A frame header without content size; the fifth byte's exponent makes the window 2^(10 + exponent) bytes.
    const auto frame = [](int log) {
        return "\x28\xB5\x2F\xFD\x00"s + static_cast<char>((log - 10) << 3) + "\x01\x00\x00"s;
    };
    EXPECT_EQ(refusal(frame(31), {}, errc::too_large),
              "the zstd stream needs a window of more than 134217728 bytes, which is the limit");
    EXPECT_EQ(refusal(frame(27)), "");
    EXPECT_EQ(refusal(frame(24), {.zstd_window_bytes = 8 << 20}, errc::too_large),
              "the zstd stream needs a window of more than 8388608 bytes, which is the limit");
    EXPECT_EQ(refusal(frame(23), {.zstd_window_bytes = 8 << 20}), "");
}

TEST(compression, pass_gives_pieces_of_bounded_size) {
    const auto text = sample(1'000'000);
    decoder stage;
    std::string output;
    const auto sink = [&](std::span<const std::byte> piece) {
        EXPECT_LE(piece.size(), byte_stage::chunk_bytes);
        output.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    };
    const auto packed = gzip(text);
    stage.pass(bytes_of(packed).first(1000), false, sink);
    stage.pass({}, false, sink);
    stage.pass(bytes_of(packed).subspan(1000), false, sink);
    stage.pass({}, true, sink);
    EXPECT_TRUE(output == text);
}

TEST(compression, levels_that_do_not_exist_are_refused) {
    EXPECT_THROW(make_gzip_encoder(0), error);
    EXPECT_THROW(make_gzip_encoder(10), error);
    EXPECT_THROW(make_zstd_encoder(20), error);
}

} // namespace
} // namespace davit::io
