#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/container_service.h"
#include "core/event_bus.h"
#include "core/image_service.h"
#include "core/image_store.h"
#include "core/module.h"
#include "core/registry_client.h"
#include "core/semaphore.h"
#include "core/storage_driver.h"
#include "modules/images/layer_downloads.h"
#include "modules/images/manifest_rules.h"

namespace davit {

/// What users do with images: pulling (image_pull.cpp) and removing (image_remove.cpp).
class images_module final : public module, public image_service {
  public:
    using provides = interfaces<image_service>;
    using needs = interfaces<image_store, blob_store, storage_driver, registry_client, event_bus, container_service>;
    static constexpr std::array keys = {
        setting_key{"max-concurrent-downloads", "3", "How many layers are fetched at once, for all pulls together"},
        setting_key{"max-layer-size", "68719476736", "How many bytes a layer may have unpacked"},
        setting_key{"max-layer-entries", "750000", "How many entries a layer's archive may have"},
        setting_key{"max-layer-expansion", "200",
                    "How many times as large as its download a layer beyond 1 GiB may be; 0 for no bound"},
    };

    explicit images_module(const module_inputs& given);
    images_module(image_store& images, blob_store& blobs, storage_driver& storage, registry_client& registries,
                  event_bus& events, std::function<bool(const std::string&)> runs, std::size_t downloads_at_once,
                  extraction_limits limits);

    task<void> stop() override { return downloads_.stop(); }

    task<std::string> pull(pull_request request, progress_sink progress) override;
    task<std::vector<removed_image>> remove(std::string name, bool force) override;

  private:
    /// What a pull knows of its image once its documents are here and right.
    struct pulled_image {
        image_reference asked;
        std::shared_ptr<registry_session> from;
        fetched_manifest top; ///< What the name led to: the manifest, or the index that has it
        fetched_manifest manifest;
        digest id;
        std::string config_bytes;
        image_config config;
        std::vector<layer_facts> layers;
    };
    using pulled_ptr = std::shared_ptr<pulled_image>;

    struct pull_outcome {
        std::string id;
        bool is_news = false; ///< The name led elsewhere before, or nowhere
        std::vector<std::string> warnings;
    };
    task<void> pull_one(pull_request request, progress_sink progress, pull_outcome& outcome);
    task<std::vector<std::string>> tags_of(pull_request request);
    task<pulled_ptr> fetch_documents(pull_request request);
    task<void> fetch_config(pulled_ptr image, content_descriptor of);
    task<void> fetch_layers(pulled_ptr image, progress_sink progress);
    task<void> fetch_layer(layer_facts layer, std::shared_ptr<registry_session> from, progress_sink progress,
                           std::int64_t& content_bytes);
    task<void> fetch_and_record(pulled_ptr image, progress_sink progress);
    /// False when layers vanished meanwhile: an image that had them was removed.
    task<bool> record(pulled_ptr image);
    task<void> drop_unused_layers(pulled_ptr image);
    bool has_all_layers(const pulled_image& image) const;
    std::optional<std::int64_t> known_layer_size(const digest& chain_id) const;

    /// The first container of the image that runs, or that does not; empty when there is none.
    std::string holder_of(const image_record& image, bool is_running) const;
    /// Throws conflict when containers forbid that the image is deleted.
    void check_holders(const image_record& image, bool force) const;
    void check_may_untag(const image_record& image, const std::string& name, bool is_by_id, bool force) const;
    task<void> untag(std::string id, std::string name, std::vector<removed_image>& told);
    void publish(const std::string& action, const std::string& actor, const std::string& name,
                 const string_map& labels);

    image_store& images_;
    blob_store& blobs_;
    storage_driver& storage_;
    event_bus& events_;
    registry_client& registries_;
    std::function<bool(const std::string&)> runs_; // whether the container of an id does
    layer_downloads downloads_;
    std::map<digest, int> wanted_layers_;          // by pulls that run: by how many
    std::map<digest, std::int64_t> fetched_sizes_; // of layers that no image has yet
    semaphore changing_{1};                        // recording and removing images
};

} // namespace davit
