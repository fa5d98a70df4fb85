#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/digest.h"
#include "core/launch_plan.h"
#include "core/task.h"

namespace davit {

/// How a layer's directory says that a path of the layers below is gone.
enum class whiteout_style : std::uint8_t {
    overlay, ///< A character device 0:0; an opaque directory has the xattr trusted.overlay.opaque=y
    marker,  ///< The archive's own .wh.NAME and .wh..wh..opq files are kept
};

/// A layer that is being unpacked.
struct layer_staging {
    std::string id;
    std::string directory; ///< Empty, owned by the engine, 0755; the layer's root
    whiteout_style whiteouts = whiteout_style::overlay;
};

/// Keeps the directories of image layers and of containers.
///
/// Life cycle of an image layer: `begin_layer` gives an empty staging directory; the unpacker fills it; `commit_layer`
/// makes it visible under its chain id, atomically; `discard_layer` drops it. Layers are independent of each other
/// until a container is made of them, so they unpack side by side. A layer is committed once: committing a chain id
/// that exists drops the staging and is no error.
///
/// Life cycle of a container's root: `make_container` prepares its writable layer over the image's layers;
/// `container_rootfs` says how the runtime mounts it; `remove_container` deletes it. Removing is idempotent.
/// At start-up, staging directories that an earlier life left are deleted.
class storage_driver {
  public:
    virtual ~storage_driver() = default;

    /// "overlay2" for overlay, as Docker tells it in `info` and `inspect`.
    virtual std::string docker_name() const = 0;

    virtual task<layer_staging> begin_layer() = 0;
    virtual task<void> commit_layer(layer_staging staging, digest chain_id) = 0;
    virtual task<void> discard_layer(layer_staging staging) = 0;
    /// Returns when the layers that were committed before the call survive a crash of the host. Called once for all
    /// layers of an image, in the background: layers are not synced one by one, and no pull waits for the disk.
    virtual task<void> sync() = 0;
    virtual bool has_layer(const digest& chain_id) const = 0;
    virtual std::vector<digest> layers() const = 0;
    /// Idempotent. The caller knows that no image has it. It is out of sight at once; containers that stand on it keep
    /// it on the disk, and it goes with the last of them. False when it is kept so.
    virtual task<bool> remove_layer(digest chain_id) = 0;

    /// `chain_ids` from the lowest to the topmost. Errors: not_found when a layer is missing.
    virtual task<void> make_container(std::string container_id, std::vector<digest> chain_ids) = 0;
    virtual task<rootfs_plan> container_rootfs(std::string container_id) = 0;
    /// Where an image's layers and a container's parts lie, by the names that `inspect` of Docker's driver has (Docker
    /// Engine API: DriverData). Empty when that tells nothing, or when a layer is missing.
    virtual string_map image_places(const std::vector<digest>& chain_ids) const = 0;
    virtual string_map container_places(const std::string& container_id) const = 0;
    virtual task<void> remove_container(std::string container_id) = 0;
    /// The containers that have a writable layer: what start-up compares with the store.
    virtual std::vector<std::string> containers() const = 0;
};

} // namespace davit
