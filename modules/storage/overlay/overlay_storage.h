#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/module.h"
#include "core/storage_driver.h"
#include "modules/storage/layer_directories.h"

namespace davit {

/// Layers are mounted over each other by the kernel (overlayfs), inside each container's own mount namespace. A
/// container costs two directories: `u`, what it writes, and `w`, which overlayfs works in.
class overlay_storage final : public module, public storage_driver {
  public:
    using provides = interfaces<storage_driver>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    };

    explicit overlay_storage(const module_inputs& given) : overlay_storage{given.config().text("data-root")} {}
    explicit overlay_storage(std::string data_root)
        : directories_{std::move(data_root), "overlay", whiteout_style::overlay} {}

    task<void> start() override { return directories_.start(); }
    task<void> stop() override { return directories_.stop(); }

    std::string docker_name() const override { return "overlay2"; }
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
    layer_directories directories_;
};

} // namespace davit
