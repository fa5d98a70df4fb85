#include "core/digest.h"

#include <unordered_set>

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

const std::string abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(digest, a_good_text_comes_back_the_same) {
    const auto value = digest::parse(abc);
    EXPECT_EQ(value.text(), abc);
    EXPECT_EQ(value.hex(), abc.substr(7));
    EXPECT_EQ(value.short_form(), "ba7816bf8f01");
    EXPECT_EQ(value.algorithm(), digest::hash_algorithm::sha256);
    const auto longer = "sha512:" + std::string(128, 'a');
    EXPECT_EQ(digest::parse(longer).text(), longer);
    EXPECT_EQ(digest::parse(longer).algorithm_name(), "sha512");
}

TEST(digest, anything_else_is_refused) {
    for (const std::string& text :
         {std::string{}, std::string{"sha256:"}, abc.substr(7), abc.substr(0, 70), abc + "0", abc + "00",
          "SHA256:" + abc.substr(7), std::string{"sha256:../../x"}, "md5:" + std::string(32, 'a'),
          "sha256:" + std::string(64, 'A'), "sha256:" + std::string(63, 'a') + "g", "sha512:" + std::string(64, 'a'),
          "sha256%2f" + std::string(64, 'a'), "sha256:" + std::string(63, 'a') + '\0', " " + abc, abc + "\n",
          ":" + abc.substr(7)}) {
        EXPECT_FALSE(digest::is_valid(text)) << text;
        EXPECT_THROW(digest::parse(text), error) << text;
    }
}

TEST(digest, equal_texts_are_equal_and_ordered_as_texts) {
    const auto low = digest::parse("sha256:" + std::string(64, '1'));
    const auto high = digest::parse("sha256:" + std::string(64, 'f'));
    EXPECT_EQ(low, digest::parse(low.text()));
    EXPECT_LT(low, high);
    EXPECT_LT(high, digest::parse("sha512:" + std::string(128, '0')));
    const std::unordered_set<digest> set{low, high, low};
    EXPECT_EQ(set.size(), 2u);
}

TEST(digest, a_default_made_one_names_nothing) {
    EXPECT_TRUE(digest{}.is_empty());
    EXPECT_EQ(digest{}.text(), "");
    EXPECT_EQ(text_of<digest>::read(""), digest{});
    EXPECT_THROW(text_of<digest>::read("x"), error);
}

TEST(digest, a_hash_becomes_its_digest) {
    std::array<std::byte, 32> hash{};
    hash[0] = std::byte{0xba};
    EXPECT_EQ(digest::of_sha256(hash).text(), "sha256:ba" + std::string(62, '0'));
}

} // namespace
} // namespace davit
