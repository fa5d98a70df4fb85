#include "io/sha256.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace davit::io {
namespace {

// The vectors of FIPS 180-4's examples.
constexpr std::string_view of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view of_a_million_a = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(sha256, published_vectors_come_out) {
    EXPECT_EQ(sha256::hex_of(""), of_nothing);
    EXPECT_EQ(sha256::hex_of("abc"), of_abc);
    EXPECT_EQ(sha256::hex_of(std::string(1'000'000, 'a')), of_a_million_a);
}

TEST(sha256, pieces_of_any_size_give_the_hash_of_the_whole) {
    sha256 hash;
    std::size_t sent = 0;
    for (std::size_t size = 0; sent < 1'000'000; ++size) {
        const auto piece = std::min(size, 1'000'000 - sent);
        hash.update(std::string(piece, 'a'));
        sent += piece;
    }
    EXPECT_EQ(hash.finish_hex(), of_a_million_a);
}

TEST(sha256, a_copy_goes_on_by_itself) {
    sha256 hash;
    hash.update("ab");
    sha256 copy = hash;
    hash.update("x");
    copy.update("c");
    EXPECT_EQ(copy.finish_hex(), of_abc);
    EXPECT_EQ(hash.finish_hex(), sha256::hex_of("abx"));
}

TEST(sha256, after_finish_it_begins_again) {
    sha256 hash;
    hash.update("abc");
    EXPECT_EQ(hash.finish()[0], std::byte{0xba});
    EXPECT_EQ(hash.finish_hex(), of_nothing);
}

} // namespace
} // namespace davit::io
