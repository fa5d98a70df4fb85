#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/module.h"
#include "core/storage_driver.h"
#include "modules/storage/layer_directories.h"

namespace davit {

/// A storage driver that keeps layers and containers in layer_directories: all but how a container stands on its
/// layers.
class layered_storage : public module, public storage_driver {
  public:
    using provides = interfaces<storage_driver>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    };

    layered_storage(std::string data_root, std::string_view driver, whiteout_style whiteouts)
        : directories_{std::move(data_root), driver, whiteouts} {}

    task<void> start() override { return directories_.start(); }
    task<void> stop() final { return directories_.stop(); }

    task<layer_staging> begin_layer() final { return directories_.begin_layer(); }
    task<void> commit_layer(layer_staging staging, digest chain_id) final {
        return directories_.commit_layer(std::move(staging), chain_id);
    }
    task<void> discard_layer(layer_staging staging) final { return directories_.discard_layer(std::move(staging)); }
    task<void> sync() final { return directories_.sync(); }
    bool has_layer(const digest& chain_id) const final { return directories_.has_layer(chain_id); }
    std::vector<digest> layers() const final { return directories_.layers(); }
    task<bool> remove_layer(digest chain_id) final { return directories_.remove_layer(chain_id); }

    task<void> remove_container(std::string container_id) final {
        return directories_.remove_container(std::move(container_id));
    }
    std::vector<std::string> containers() const final { return directories_.containers(); }

  protected:
    layer_directories directories_;
};

} // namespace davit
