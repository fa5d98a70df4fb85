#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/image.h"
#include "core/platform.h"
#include "core/registry_client.h"

/// What manifests, indexes and configurations must be like before anything is done with them. Functions of values: all
/// of it is hostile input.
namespace davit {

enum class document_kind : std::uint8_t { manifest, index };

/// The media types that are asked for and understood: OCI's and Docker's schema 2.
bool is_manifest_type(std::string_view media_type) noexcept;
bool is_index_type(std::string_view media_type) noexcept;
/// All of them, for an Accept header.
std::string_view accepted_manifest_types() noexcept;

struct checked_document {
    document_kind kind = document_kind::manifest;
    manifest_document content;
};

/// Parses exactly the bytes that were hashed. What a document is follows from its media type; its body must agree: in
/// its own mediaType, and in having the keys of the one kind and not those of the other (GHSA-qq97-vm5h-rrhg).
/// Errors: invalid; unsupported for Docker's schema 1.
checked_document parse_manifest(const fetched_manifest& fetched);

/// The manifest of an index that suits a platform. Errors: not_found ("no matching manifest for …"), invalid.
content_descriptor choose_manifest(const manifest_document& index, const platform& wanted);

/// One layer to fetch.
struct layer_facts {
    digest blob;
    digest diff_id;
    digest chain_id;
    std::int64_t size = 0; ///< Of the blob, in bytes
};

/// Everything that an image's layers must be. Errors: invalid (their numbers differ, digests that are none, sizes).
std::vector<layer_facts> layers_of(const manifest_document& manifest, const image_config& config);

/// Parses a configuration. Errors: invalid.
image_config parse_config(std::string_view bytes);

/// The descriptor's digest and size, checked. Errors: invalid, naming `what`.
digest checked_digest(const content_descriptor& of, std::string_view what, std::int64_t largest);

/// chain(0) = diff(0), chain(n) = sha256(chain(n-1) " " diff(n)): OCI image-spec, config.md §Layer ChainID.
std::vector<digest> chain_ids_of(const std::vector<digest>& diff_ids);

inline constexpr std::int64_t largest_manifest = 4 << 20;
inline constexpr std::int64_t largest_config = 8 << 20;

} // namespace davit
