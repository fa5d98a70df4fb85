#include "modules/images/manifest_rules.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "core/error.h"
#include "io/json.h"
#include "io/repeated_keys.h"
#include "io/sha256.h"

namespace davit {
namespace {

constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::array config_types = {std::string_view{"application/vnd.oci.image.config.v1+json"},
                                     std::string_view{"application/vnd.docker.container.image.v1+json"}};
constexpr std::size_t most_layers = 500;

/// Whether it names an archive that an image is made of. Some programs leave the type out.
bool is_layer_type(std::string_view media_type) {
    if (media_type.empty()) return true;
    return (media_type.starts_with("application/vnd.oci.image.layer.") ||
            media_type.starts_with("application/vnd.docker.image.rootfs.")) &&
           !media_type.ends_with("+encrypted");
}

std::string shown(std::string_view text) {
    return fmt::format("{:?}", text.substr(0, 120));
}

} // namespace

bool is_manifest_type(std::string_view media_type) noexcept {
    return media_type == oci_manifest || media_type == docker_manifest;
}

bool is_index_type(std::string_view media_type) noexcept {
    return media_type == oci_index || media_type == docker_list;
}

std::string_view accepted_manifest_types() noexcept {
    return "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
           "application/vnd.docker.distribution.manifest.list.v2+json, "
           "application/vnd.docker.distribution.manifest.v2+json";
}

checked_document parse_manifest(const fetched_manifest& fetched) {
    const std::string_view type = fetched.media_type;
    if (type.starts_with("application/vnd.docker.distribution.manifest.v1"))
        throw error(errc::unsupported,
                    "the image has a manifest of Docker's schema 1, which was given up in 2017; push "
                    "it again with a newer client");
    if (!is_manifest_type(type) && !is_index_type(type))
        throw error(errc::invalid, "the registry sent a manifest of the type {}, which is not one of an image",
                    shown(type));
    checked_document checked;
    checked.kind = is_index_type(type) ? document_kind::index : document_kind::manifest;
    io::refuse_repeated_keys(fetched.bytes, "the manifest");
    checked.content = io::parse<manifest_document>(fetched.bytes, "the manifest");
    const manifest_document& body = checked.content;
    if (!body.media_type.empty() && body.media_type != type)
        throw error(errc::invalid, "the manifest says that its type is {}, the registry sent it as {}",
                    shown(body.media_type), shown(type));
    if (body.schema_version != 2)
        throw error(errc::invalid, "the manifest's schemaVersion is {} and not 2", body.schema_version);
    const bool has_manifests = body.manifests.has_value();
    const bool has_layers = body.layers.has_value() || body.config.has_value();
    if (has_manifests && has_layers)
        throw error(errc::invalid, "the document is both an index and a manifest, and so neither");
    if (checked.kind == document_kind::index && !has_manifests)
        throw error(errc::invalid, "the index has no manifests");
    if (checked.kind == document_kind::manifest && (!body.layers || !body.config))
        throw error(errc::invalid, "the manifest has no {}", body.config ? "layers" : "config");
    return checked;
}

content_descriptor choose_manifest(const manifest_document& index, const platform& wanted) {
    std::vector<platform> offered;
    std::vector<const content_descriptor*> of;
    const content_descriptor* for_all = nullptr; // a platform is optional; those that say theirs come first
    for (const content_descriptor& entry : *index.manifests) {
        if (!entry.platform || (entry.platform->os.empty() && entry.platform->architecture.empty())) {
            if (!for_all && is_manifest_type(entry.media_type)) for_all = &entry;
            continue;
        }
        if (entry.platform->os.empty() || entry.platform->os == "unknown") continue;
        offered.push_back(normalised(
            {entry.platform->os, entry.platform->architecture, entry.platform->variant, entry.platform->os_version}));
        of.push_back(&entry);
    }
    const auto best = choose_platform(offered, wanted);
    if (!best && !for_all)
        throw error(errc::not_found, "no matching manifest for {} in the manifest list entries of the index",
                    wanted.text());
    const content_descriptor& chosen = best ? *of[*best] : *for_all;
    if (is_index_type(chosen.media_type))
        throw error(errc::invalid, "the index leads to another index; nested ones are not followed");
    if (!is_manifest_type(chosen.media_type))
        throw error(errc::invalid, "the index leads to a document of the type {}, which is no image",
                    shown(chosen.media_type));
    return chosen;
}

digest checked_digest(const content_descriptor& of, std::string_view what, std::int64_t largest) {
    if (!digest::is_valid(of.digest_text))
        throw error(errc::invalid, "the digest {} of {} is malformed", shown(of.digest_text), what);
    const digest named = digest::parse(of.digest_text);
    if (named.algorithm() != digest::hash_algorithm::sha256)
        throw error(errc::unsupported, "the digest {} of {} has an algorithm that is not supported",
                    shown(of.digest_text), what);
    if (of.size < 0) throw error(errc::invalid, "the size of {} is negative: {}", what, of.size);
    if (of.size > largest)
        throw error(errc::too_large, "the size of {} is {} bytes; {} are allowed", what, of.size, largest);
    return named;
}

image_config parse_config(std::string_view bytes) {
    io::refuse_repeated_keys(bytes, "the image's configuration");
    return io::parse<image_config>(bytes, "the image's configuration");
}

std::vector<digest> chain_ids_of(const std::vector<digest>& diff_ids) {
    std::vector<digest> chain_ids;
    chain_ids.reserve(diff_ids.size());
    for (const digest& diff_id : diff_ids) {
        if (chain_ids.empty()) {
            chain_ids.push_back(diff_id);
            continue;
        }
        io::sha256 hash;
        hash.update(chain_ids.back().text());
        hash.update(" ");
        hash.update(diff_id.text());
        chain_ids.push_back(digest::of_sha256(hash.finish()));
    }
    return chain_ids;
}

std::vector<layer_facts> layers_of(const manifest_document& manifest, const image_config& config) {
    const std::string& config_type = manifest.config->media_type;
    if (std::ranges::find(config_types, config_type) == config_types.end())
        throw error(errc::unsupported,
                    "the manifest is not one of a container image: its configuration is of the type "
                    "{}",
                    shown(config_type));
    const std::vector<content_descriptor>& layers = *manifest.layers;
    const std::vector<std::string>& told = config.rootfs.diff_ids;
    if (layers.size() != told.size())
        throw error(errc::invalid, "the manifest has {} layers, but the image's configuration has {} diff ids (rootfs)",
                    layers.size(), told.size());
    if (layers.size() > most_layers)
        throw error(errc::too_large, "the image has {} layers; {} are allowed", layers.size(), most_layers);
    std::vector<digest> diff_ids;
    for (const std::string& text : told) {
        if (!digest::is_valid(text) || !text.starts_with("sha256:"))
            throw error(errc::invalid, "the diff id {} in the image's configuration is no sha256 digest", shown(text));
        diff_ids.push_back(digest::parse(text));
    }
    const std::vector<digest> chain_ids = chain_ids_of(diff_ids);
    std::vector<layer_facts> checked;
    for (std::size_t at = 0; at < layers.size(); ++at) {
        if (!is_layer_type(layers[at].media_type))
            throw error(errc::unsupported, "layer {} is of the type {}, which is not one of a container image", at + 1,
                        shown(layers[at].media_type));
        // Whether a layer is gzip, zstd or plain is seen from its bytes; `urls` of foreign layers are not looked at.
        const digest blob =
            checked_digest(layers[at], fmt::format("layer {}", at + 1), std::numeric_limits<std::int64_t>::max() / 2);
        checked.push_back({blob, diff_ids[at], chain_ids[at], layers[at].size});
    }
    return checked;
}

} // namespace davit
