#include "modules/images/manifest_rules.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

using testing::HasSubstr;

constexpr const char* oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* oci_index = "application/vnd.oci.image.index.v1+json";
constexpr const char* oci_config = "application/vnd.oci.image.config.v1+json";

std::string hex(char c) {
    return "sha256:" + std::string(64, c);
}

content_descriptor descriptor(std::string type, std::string digest_text, std::int64_t size,
                              std::optional<platform_facts> for_platform = {}) {
    return {std::move(type), std::move(digest_text), size, std::move(for_platform), {}};
}

std::string refusal(const std::string& bytes, const std::string& type) {
    try {
        parse_manifest({{}, type, bytes});
    } catch (const error& e) {
        return e.what();
    }
    return "accepted";
}

const std::string small_manifest = fmt::format(
    R"({{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{}","size":5}},"layers":[]}})", oci_config, hex('a'));

TEST(manifest_rules, a_manifest_and_an_index_are_told_apart) {
    EXPECT_EQ(parse_manifest({{}, oci_manifest, small_manifest}).kind, document_kind::manifest);
    EXPECT_EQ(parse_manifest({{}, oci_index, R"({"schemaVersion":2,"manifests":[]})"}).kind, document_kind::index);
}

TEST(manifest_rules, documents_of_two_kinds_or_of_another_than_they_were_sent_as_are_refused) {
    const std::string both = small_manifest.substr(0, small_manifest.size() - 1) + R"(,"manifests":[]})";
    const std::string both_by_case = small_manifest.substr(0, small_manifest.size() - 1) + R"(,"Manifests":[]})";
    EXPECT_THAT(refusal(both, oci_manifest), HasSubstr("both"));
    EXPECT_THAT(refusal(both, oci_index), HasSubstr("both"));
    EXPECT_THAT(refusal(both_by_case, oci_manifest), HasSubstr("both"));
    EXPECT_THAT(refusal(small_manifest, oci_index), HasSubstr("no manifests"));
    EXPECT_THAT(refusal(R"({"schemaVersion":2,"manifests":[]})", oci_manifest), HasSubstr("no config"));
    EXPECT_THAT(refusal(fmt::format(R"({{"mediaType":"{}",)", oci_index) + small_manifest.substr(1), oci_manifest),
                HasSubstr("says that its type"));
    EXPECT_THAT(refusal(small_manifest, "text/html"), HasSubstr("not one of an image"));
    EXPECT_THAT(refusal(small_manifest, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                HasSubstr("schema 1"));
}

TEST(manifest_rules, whatever_is_missing_or_of_another_type_is_refused) {
    for (const char* text :
         {"null", "[]", "{}", "3", "", "{", R"({"schemaVersion":"2"})", R"({"schemaVersion":1})",
          R"({"schemaVersion":2,"layers":null,"config":null})", R"({"schemaVersion":2,"layers":[null],"config":{}} x)"})
        EXPECT_NE(refusal(text, oci_manifest), "accepted") << text;
}

manifest_document manifest_with(const std::string& digest_text, std::int64_t size) {
    manifest_document made;
    made.config = descriptor(oci_config, hex('a'), 1);
    made.layers.emplace();
    made.layers->push_back(descriptor({}, digest_text, size));
    return made;
}

image_config config_with(std::vector<std::string> diff_ids) {
    image_config made;
    made.rootfs.diff_ids = std::move(diff_ids);
    return made;
}

TEST(manifest_rules, layers_are_paired_with_their_diff_ids_and_chained) {
    auto manifest = manifest_with(hex('1'), 10);
    manifest.layers->push_back(descriptor({}, hex('2'), 20));
    const auto layers = layers_of(manifest, config_with({hex('d'), hex('e')}));
    ASSERT_EQ(layers.size(), 2u);
    EXPECT_EQ(layers[0].chain_id.text(), hex('d'));
    // printf 'sha256:dd… sha256:ee…' | sha256sum
    EXPECT_EQ(layers[1].chain_id, chain_ids_of({digest::parse(hex('d')), digest::parse(hex('e'))})[1]);
    EXPECT_NE(layers[1].chain_id.text(), hex('e'));
    EXPECT_EQ(layers[1].blob.text(), hex('2'));
    EXPECT_EQ(layers[1].size, 20);
}

TEST(manifest_rules, layers_of_all_the_types_that_an_image_may_have_are_taken) {
    for (const char* type :
         {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
          "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
          "application/vnd.docker.image.rootfs.diff.tar.gzip",
          "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", ""}) {
        auto manifest = manifest_with(hex('1'), 1);
        manifest.layers->at(0).media_type = type;
        EXPECT_EQ(layers_of(manifest, config_with({hex('d')})).size(), 1u) << type;
    }
}

TEST(manifest_rules, layers_that_can_t_be_are_refused) {
    EXPECT_THROW(layers_of(manifest_with(hex('1'), -1), config_with({hex('d')})), error);
    EXPECT_THROW(layers_of(manifest_with("sha256:../../x", 1), config_with({hex('d')})), error);
    EXPECT_THROW(layers_of(manifest_with("md5:" + std::string(32, '1'), 1), config_with({hex('d')})), error);
    EXPECT_THROW(layers_of(manifest_with(hex('A'), 1), config_with({hex('d')})), error);
    EXPECT_THROW(layers_of(manifest_with(hex('1'), 1), config_with({})), error);
    EXPECT_THROW(layers_of(manifest_with(hex('1'), 1), config_with({hex('d'), hex('e')})), error);
    EXPECT_THROW(layers_of(manifest_with(hex('1'), 1), config_with({"../x"})), error);
    for (const char* type :
         {"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "application/vnd.in-toto+json", "text/plain"}) {
        auto other = manifest_with(hex('1'), 1);
        other.layers->at(0).media_type = type;
        EXPECT_THROW(layers_of(other, config_with({hex('d')})), error) << type;
    }
    auto artifact = manifest_with(hex('1'), 1);
    artifact.config->media_type = "application/vnd.cncf.helm.config.v1+json";
    EXPECT_THROW(layers_of(artifact, config_with({hex('d')})), error);
}

TEST(manifest_rules, an_index_leads_to_what_suits_the_platform_and_to_no_other_index) {
    manifest_document index;
    index.manifests.emplace();
    index.manifests->push_back(descriptor(oci_manifest, hex('1'), 1, platform_facts{"unknown", "unknown", "", ""}));
    index.manifests->push_back(descriptor(oci_manifest, hex('2'), 1, platform_facts{"arm64", "linux", "", "v8"}));
    index.manifests->push_back(descriptor(oci_manifest, hex('3'), 1, platform_facts{"amd64", "linux", "", ""}));
    EXPECT_EQ(choose_manifest(index, parse_platform("linux/amd64")).digest_text, hex('3'));
    EXPECT_EQ(choose_manifest(index, parse_platform("linux/arm64")).digest_text, hex('2'));
    EXPECT_THROW(choose_manifest(index, parse_platform("linux/s390x")), error);
    index.manifests->at(2).media_type = oci_index;
    EXPECT_THROW(choose_manifest(index, parse_platform("linux/amd64")), error);
    // Without a platform it is one for all, which are asked after those that say theirs.
    index.manifests->insert(index.manifests->begin(), descriptor(oci_index, hex('4'), 1));
    index.manifests->insert(index.manifests->begin() + 1, descriptor(oci_manifest, hex('5'), 1));
    index.manifests->insert(index.manifests->begin() + 2, descriptor(oci_manifest, hex('6'), 1, platform_facts{}));
    EXPECT_EQ(choose_manifest(index, parse_platform("linux/arm64")).digest_text, hex('2'));
    EXPECT_EQ(choose_manifest(index, parse_platform("linux/s390x")).digest_text, hex('5'));
}

} // namespace
} // namespace davit
