#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit {

/// Which machine an image is for, as manifests and configurations tell it (OCI image-spec, image-index.md).
struct platform_facts {
    std::string architecture;
    std::string os;
    std::string os_version;
    std::string variant;

    bool operator==(const platform_facts&) const = default;
};

/// A pointer to a blob (OCI image-spec, descriptor.md). `digest_text` is as received: parse it before any use.
struct content_descriptor {
    std::string media_type;
    std::string digest_text;
    std::int64_t size = 0;
    std::optional<platform_facts> platform;
    string_map annotations;

    bool operator==(const content_descriptor&) const = default;
};

/// A manifest, or an index, of OCI or of Docker schema 2: which of the two follows from the keys it has.
struct manifest_document {
    int schema_version = 0;
    std::string media_type;
    std::optional<content_descriptor> config;                 ///< A manifest's
    std::optional<std::vector<content_descriptor>> layers;    ///< A manifest's, lowest first
    std::optional<std::vector<content_descriptor>> manifests; ///< An index's

    bool operator==(const manifest_document&) const = default;
};

struct history_entry {
    std::string created;
    std::string created_by;
    std::string comment;
    bool empty_layer = false;

    bool operator==(const history_entry&) const = default;
};

struct rootfs_facts {
    std::string type;
    std::vector<std::string> diff_ids; ///< As received, lowest first

    bool operator==(const rootfs_facts&) const = default;
};

/// An image's configuration (OCI image-spec, config.md). Keys that are not here have no effect (threats: an image can't
/// bring host settings along).
struct image_config {
    std::string architecture;
    std::string os;
    std::string variant;
    std::string author;
    std::string created; ///< RFC 3339, as received
    std::optional<container_config> config;
    rootfs_facts rootfs;
    std::vector<history_entry> history;

    bool operator==(const image_config&) const = default;
};

/// One image in the store. Its id is the digest of its configuration.
struct image_record {
    std::string id;              ///< "sha256:…"
    std::string manifest_digest; ///< The manifest it was pulled by
    std::string manifest_media_type;
    std::vector<std::string> repo_tags;    ///< "busybox:latest", familiar form
    std::vector<std::string> repo_digests; ///< "busybox@sha256:…"
    std::vector<std::string> chain_ids;    ///< Lowest first
    std::vector<std::int64_t> layer_sizes; ///< Unpacked bytes of each
    image_config config;
    std::int64_t size = 0; ///< Unpacked bytes of all layers
    std::chrono::system_clock::time_point last_tagged{};

    bool operator==(const image_record&) const = default;
};

template <> struct fields_of<platform_facts> {
    using self = platform_facts;
    static constexpr auto list = field_list{field("architecture", &self::architecture), field("os", &self::os),
                                            field("os.version", &self::os_version, when_empty::omit),
                                            field("variant", &self::variant, when_empty::omit)};
};

template <> struct fields_of<content_descriptor> {
    using self = content_descriptor;
    static constexpr auto list =
        field_list{field("mediaType", &self::media_type), field("digest", &self::digest_text),
                   field("size", &self::size), field("platform", &self::platform, when_empty::omit),
                   field("annotations", &self::annotations, when_empty::omit)};
};

template <> struct fields_of<manifest_document> {
    using self = manifest_document;
    static constexpr auto list = field_list{
        field("schemaVersion", &self::schema_version), field("mediaType", &self::media_type, when_empty::omit),
        field("config", &self::config, when_empty::omit), field("layers", &self::layers, when_empty::omit),
        field("manifests", &self::manifests, when_empty::omit)};
};

template <> struct fields_of<history_entry> {
    using self = history_entry;
    static constexpr auto list = field_list{
        field("created", &self::created, when_empty::omit), field("created_by", &self::created_by, when_empty::omit),
        field("comment", &self::comment, when_empty::omit), field("empty_layer", &self::empty_layer, when_empty::omit)};
};

template <> struct fields_of<rootfs_facts> {
    using self = rootfs_facts;
    static constexpr auto list = field_list{field("type", &self::type), field("diff_ids", &self::diff_ids)};
};

template <> struct fields_of<image_config> {
    using self = image_config;
    static constexpr auto list = field_list{field("architecture", &self::architecture),
                                            field("os", &self::os),
                                            field("variant", &self::variant, when_empty::omit),
                                            field("author", &self::author, when_empty::omit),
                                            field("created", &self::created, when_empty::omit),
                                            field("config", &self::config, when_empty::omit),
                                            field("rootfs", &self::rootfs),
                                            field("history", &self::history, when_empty::omit)};
};

template <> struct fields_of<image_record> {
    using self = image_record;
    static constexpr auto list = field_list{field("id", &self::id),
                                            field("manifestDigest", &self::manifest_digest),
                                            field("manifestMediaType", &self::manifest_media_type),
                                            field("repoTags", &self::repo_tags),
                                            field("repoDigests", &self::repo_digests),
                                            field("chainIds", &self::chain_ids),
                                            field("layerSizes", &self::layer_sizes),
                                            field("config", &self::config),
                                            field("size", &self::size),
                                            field("lastTagged", &self::last_tagged)};
};

} // namespace davit
