#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/background.h"
#include "core/image_store.h"
#include "core/module.h"
#include "core/state_store.h"
#include "core/storage_driver.h"

namespace davit {

/// The images of this host: a table in memory, each row also in the state store. A layer or a blob lives as long as an
/// image has it; at start-up those that no image has are deleted (a pull that a crash ended left them).
///
/// An image counts as recorded before its layers are on the disk, which may take seconds: they are written in the
/// background, and until then a row says in which boot of the host they were made. A crash of the engine loses nothing;
/// after one of the host, images whose layers may be damaged are forgotten and can be pulled again.
class local_image_store final : public module, public image_store {
  public:
    using provides = interfaces<image_store>;
    using needs = interfaces<state_store, storage_driver, blob_store>;

    explicit local_image_store(const module_inputs& given)
        : local_image_store{given.get<state_store>(), given.get<storage_driver>(), given.get<blob_store>()} {}
    local_image_store(state_store& state, storage_driver& storage, blob_store& blobs)
        : state_{state}, storage_{storage}, blobs_{blobs} {}

    task<void> start() override;
    task<void> stop() override { return syncing_.end(); }

    const image_record* find(std::string_view name) const override;
    const image_record& get(std::string_view name) const override;
    std::vector<const image_record*> list() const override;

    task<void> record(image_record added, std::optional<image_reference> name) override;
    task<bool> untag(std::string id, image_reference name) override;
    task<std::vector<std::string>> remove(std::string id) override;

    void hold(const std::string& id, const std::string& container_id) override { holders_[id].insert(container_id); }
    void release(const std::string& id, const std::string& container_id) override;
    std::vector<std::string> holders(const std::string& id) const override;

  private:
    const image_record* find_id(std::string_view hex_prefix) const;
    void index(const image_record& image);
    void forget_name(const std::string& name);
    void save(const image_record& image);
    bool uses_layer(const std::string& chain_id) const;
    bool uses_blob(const std::string& digest_text) const;
    task<void> delete_unused();
    task<void> load_images();
    /// Brings the layers of all images that are recorded by now to the disk.
    task<void> sync_layers();

    state_store& state_;
    storage_driver& storage_;
    blob_store& blobs_;
    std::map<std::string, image_record, std::less<>> images_; // by id
    std::unordered_map<std::string, std::string> names_;      // familiar name with its tag or digest: id
    std::map<std::string, std::set<std::string>> holders_;
    std::string boot_id_;
    std::set<std::string> unsynced_; // images
    bool is_syncing_ = false;
    background syncing_{"the image store"};
};

} // namespace davit
