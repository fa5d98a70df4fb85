#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/module.h"
#include "core/storage_driver.h"
#include "modules/storage/layer_directories.h"

namespace davit {

/// Every container has a whole copy of its image's layers in its directory `r`: for file systems that overlayfs does
/// not work on. Slow and large, as Docker's driver of that name is.
class vfs_storage final : public module, public storage_driver {
  public:
    using provides = interfaces<storage_driver>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    };

    explicit vfs_storage(const module_inputs& given) : vfs_storage{given.config().text("data-root")} {}
    explicit vfs_storage(std::string data_root) : directories_{std::move(data_root), "vfs", whiteout_style::marker} {}

    task<void> start() override { return directories_.start(); }
    task<void> stop() override { return directories_.stop(); }

    std::string docker_name() const override { return "vfs"; }
    task<layer_staging> begin_layer() override { return directories_.begin_layer(); }
    task<void> commit_layer(layer_staging staging, digest chain_id) override {
        return directories_.commit_layer(std::move(staging), chain_id);
    }
    task<void> discard_layer(layer_staging staging) override { return directories_.discard_layer(std::move(staging)); }
    task<void> sync() override { return directories_.sync(); }
    bool has_layer(const digest& chain_id) const override { return directories_.has_layer(chain_id); }
    std::vector<digest> layers() const override { return directories_.layers(); }
    task<void> remove_layer(digest chain_id) override { return directories_.remove_layer(chain_id); }

    task<void> make_container(std::string container_id, std::vector<digest> chain_ids) override;
    task<rootfs_plan> container_rootfs(std::string container_id) override;
    task<void> remove_container(std::string container_id) override {
        return directories_.remove_container(std::move(container_id));
    }
    std::vector<std::string> containers() const override { return directories_.containers(); }

  private:
    task<void> copy_layers(std::string container_id, layer_directories::layer_list stack);

    layer_directories directories_;
};

} // namespace davit
