#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/fields.h"
#include "core/platform.h"

namespace davit::api {

/// Bytes of a manifest's content, compressed as it was pulled, and of all that it takes.
struct image_manifest_size {
    std::int64_t content = 0;
    std::int64_t total = 0;
};

/// What is known of a manifest that is an image's.
struct image_manifest_data {
    platform runs_on;
    std::vector<std::string> containers; ///< Ids of those that use it
};

/// One of the manifests of an image for several platforms. Docker Engine API: ImageManifestSummary.
struct image_manifest {
    std::string id;
    std::string kind;          ///< "image", "attestation" or "unknown"
    bool is_available = false; ///< All of its content is here
    image_manifest_size size;
    std::optional<image_manifest_data> image; ///< Of the kind "image" alone
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::image_manifest_size> {
    using self = api::image_manifest_size;
    static constexpr auto list = field_list{field("Content", &self::content), field("Total", &self::total)};
};

template <> struct fields_of<api::image_manifest_data> {
    using self = api::image_manifest_data;
    static constexpr auto list = field_list{field("Platform", &self::runs_on), field("Containers", &self::containers)};
};

template <> struct fields_of<api::image_manifest> {
    using self = api::image_manifest;
    static constexpr auto list =
        field_list{field("ID", &self::id), field("Available", &self::is_available), field("Size", &self::size),
                   field("Kind", &self::kind), field("ImageData", &self::image, when_empty::omit)};
};

} // namespace davit
