#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/task.h"
#include "io/descriptor.h"

namespace davit {

struct stored_manifest {
    digest of;
    std::string media_type;
    std::string bytes;
};

struct stored_blob {
    io::descriptor file; ///< Open for reading
    std::uint64_t size = 0;
};

/// What the embedded registry keeps, in files below one directory:
///
///     blobs/<hex>                             a blob's bytes, once for all repositories
///     repositories/<name>/_blobs/<hex>        an empty file: this repository has the blob
///     repositories/<name>/_manifests/<hex>    the media type of a manifest (whose bytes are a blob)
///     repositories/<name>/_tags/<tag>         the digest of a manifest
///     uploads/<id>                            a blob or another file that is arriving; deleted at start-up
///
/// A repository can read only what it links itself. All names are checked before they get here (registry_names.h,
/// digest.h), so they are safe as paths. Errors are those of the file system.
class registry_storage {
  public:
    /// What `put_manifest` takes, in bytes.
    static constexpr std::size_t longest_media_type = 1024;
    static constexpr std::size_t manifest_limit = 4u << 20;

    explicit registry_storage(std::string directory) : directory_{std::move(directory)} {}

    /// Makes the directories (0700) and deletes what an earlier life left: uploads, and blobs that no repository links.
    task<void> prepare();

    task<std::optional<stored_blob>> find_blob(std::string repository, digest of);
    /// Whether all of them are linked by the repository; gives the first that is not.
    task<std::optional<digest>> first_missing(std::string repository, std::vector<digest> blobs);
    /// Links a blob that `from` has; false when it has not.
    task<bool> mount_blob(std::string repository, std::string from, digest of);
    /// Makes an upload's file the blob `of`, whose digest the caller has verified, and links it.
    task<void> commit_upload(std::string repository, std::string id, digest of);

    task<std::optional<stored_manifest>> find_manifest(std::string repository, digest of);
    /// The manifest that a tag names.
    task<std::optional<stored_manifest>> find_manifest(std::string repository, std::string tag);
    /// Stores a manifest whose digest the caller has computed; with a tag, points the tag at it.
    task<void> put_manifest(std::string repository, stored_manifest manifest, std::optional<std::string> tag);

    /// Sorted; at most `limit`, those after `last`. Nothing when there is no such repository.
    task<std::optional<std::vector<std::string>>> tags(std::string repository, std::string last, std::size_t limit);
    task<std::vector<std::string>> repositories(std::string last, std::size_t limit);

    std::string upload_path(const std::string& id) const { return directory_ + "/uploads/" + id; }

  private:
    std::string blob_path(const digest& of) const { return directory_ + "/blobs/" + of.hex(); }
    std::string repository_path(const std::string& name) const { return directory_ + "/repositories/" + name; }
    std::string link_path(const std::string& name, const digest& of) const {
        return repository_path(name) + "/_blobs/" + of.hex();
    }
    /// Writes a file whole, or not at all, also when the host crashes. It is made among the uploads: a name of its own
    /// beside the tags would be listed as one, and what a crash leaves there is deleted at the next start.
    task<void> place(std::string path, std::string content);
    task<void> link_blob(std::string repository, digest of);

    std::string directory_;
};

} // namespace davit
