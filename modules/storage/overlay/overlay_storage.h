#pragma once

#include "modules/storage/layered_storage.h"

namespace davit {

/// Layers are mounted over each other by the kernel (overlayfs), inside each container's own mount namespace. A
/// container costs two directories: `u`, what it writes, and `w`, which overlayfs works in. Below all layers lies one
/// that all containers share, with the places that the engine mounts on: a launch makes only those in the container's
/// own directory that the image hides.
class overlay_storage final : public layered_storage {
  public:
    explicit overlay_storage(const module_inputs& given) : overlay_storage{given.config().text("data-root")} {}
    explicit overlay_storage(std::string data_root)
        : layered_storage{data_root, "overlay", whiteout_style::overlay},
          places_{std::move(data_root) + "/overlay/p"} {}

    std::string docker_name() const override { return "overlay2"; }
    task<void> start() override;
    task<void> make_container(std::string container_id, std::vector<digest> chain_ids) override;
    task<rootfs_plan> container_rootfs(std::string container_id) override;
    string_map image_places(const std::vector<digest>& chain_ids) const override;
    string_map container_places(const std::string& container_id) const override;

  private:
    std::vector<std::string> layers_below(const std::string& container_id) const;

    std::string places_; ///< The directory of the lowest layer
};

} // namespace davit
