#pragma once

#include "modules/storage/layered_storage.h"

namespace davit {

/// Every container has a whole copy of its image's layers in its directory `r`: for file systems that overlayfs does
/// not work on. Slow and large, as Docker's driver of that name is.
class vfs_storage final : public layered_storage {
  public:
    explicit vfs_storage(const module_inputs& given) : vfs_storage{given.config().text("data-root")} {}
    explicit vfs_storage(std::string data_root)
        : layered_storage{std::move(data_root), "vfs", whiteout_style::marker} {}

    std::string docker_name() const override { return "vfs"; }
    task<void> make_container(std::string container_id, std::vector<digest> chain_ids) override;
    task<rootfs_plan> container_rootfs(std::string container_id) override;
    string_map image_places(const std::vector<digest>&) const override { return {}; }
    string_map container_places(const std::string&) const override { return {}; }

  private:
    task<void> copy_layers(std::string container_id, layer_directories::layer_list stack);
};

} // namespace davit
