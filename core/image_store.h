#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/image.h"
#include "core/reference.h"
#include "core/task.h"

namespace davit {

/// A blob that is being written: hashed as it grows, visible only once `commit` found the promised digest.
class blob_writer {
  public:
    /// Drops what was not committed.
    virtual ~blob_writer() = default;
    virtual task<void> write(std::span<const std::byte> bytes) = 0;
    /// How many bytes were written so far.
    virtual std::uint64_t size() const = 0;
    /// Errors: invalid when the bytes have another digest; nothing is kept then.
    virtual task<void> commit(digest expected) = 0;
};

/// A blob that is being read.
class blob_reader {
  public:
    virtual ~blob_reader() = default;
    virtual std::uint64_t size() const = 0;
    /// 0 at the end.
    virtual task<std::size_t> read(std::span<std::byte> into) = 0;
    virtual task<void> seek(std::uint64_t offset) = 0;
};

/// Content-addressed blobs: manifests and configurations byte for byte, and whatever a registry keeps.
class blob_store {
  public:
    virtual ~blob_store() = default;

    virtual task<bool> has(digest of) = 0;
    virtual task<std::unique_ptr<blob_writer>> begin() = 0;
    /// Errors: not_found.
    virtual task<std::unique_ptr<blob_reader>> open(digest of) = 0;
    /// Reads a whole small blob. Errors: not_found; too_large beyond `limit` bytes.
    virtual task<std::string> read(digest of, std::uint64_t limit) = 0;
    virtual task<void> remove(digest of) = 0;
    virtual task<std::vector<digest>> list() = 0;
};

/// The images that the engine has: memory is the working copy, the state store the durable one.
class image_store {
  public:
    virtual ~image_store() = default;

    /// By full id, unambiguous id prefix, reference, or name@digest. Null when there is none.
    /// Errors: invalid when a prefix is ambiguous. The pointer is valid until the next change of the store.
    virtual const image_record* find(std::string_view name) const = 0;
    /// As `find`; throws not_found "No such image: NAME" (Docker's words), or invalid for what is no name of an image.
    virtual const image_record& get(std::string_view name) const = 0;
    virtual std::vector<const image_record*> list() const = 0;

    /// Adds an image, or new names for one that exists, and gives `name` to it (taking it from another image).
    /// Returns when it is durable.
    virtual task<void> record(image_record added, std::optional<image_reference> name) = 0;
    /// Takes a name away. Returns whether the image has others left.
    virtual task<bool> untag(std::string id, image_reference name) = 0;
    /// Forgets an image and deletes the layers and blobs that no other image uses; layers that containers stand on stay
    /// on the disk for them (storage_driver). Returns the digests of what is gone.
    virtual task<std::vector<std::string>> remove(std::string id) = 0;

    /// Containers hold the image that they were made of, whether or not it is here any more.
    virtual void hold(const std::string& id, const std::string& container_id) = 0;
    virtual void release(const std::string& id, const std::string& container_id) = 0;
    virtual std::vector<std::string> holders(const std::string& id) const = 0;
};

} // namespace davit
