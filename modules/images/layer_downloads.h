#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/background.h"
#include "core/cancellation.h"
#include "core/error.h"
#include "core/event.h"
#include "core/image_service.h"
#include "core/semaphore.h"
#include "core/storage_driver.h"
#include "modules/images/layer_extraction.h"
#include "modules/images/manifest_rules.h"

namespace davit {

/// Fetches layers: each is downloaded, verified, unpacked while it arrives and committed to the storage driver. A
/// bounded number at once, for all pulls together. Pulls that want the same layer share one download, which ends when
/// the last of them leaves.
class layer_downloads {
  public:
    layer_downloads(storage_driver& storage, std::size_t at_once, extraction_limits limits)
        : storage_{storage}, limits_{limits}, free_{at_once} {}

    /// Returns the unpacked bytes of a layer when it is committed. Cancelled, it returns when nothing of the layer
    /// is left, unless another pull wants it too.
    /// Errors: invalid (wrong digest, size or diff id, damaged archive), too_large, those of the session.
    task<std::int64_t> fetch(layer_facts layer, std::shared_ptr<registry_session> from, progress_sink progress);

    task<void> stop() { return running_.end(); }

  private:
    /// A layer that is being fetched.
    struct download {
        layer_facts layer;
        std::shared_ptr<registry_session> from;
        std::optional<cancellation> ends; // while it runs
        bool is_abandoned = false;
        std::list<progress_sink> listeners;
        event ended;
        std::optional<error> failure;
        std::int64_t content_bytes = 0;

        void tell(std::string_view status) const;
        void tell(std::string_view status, std::uint64_t current, std::uint64_t total) const;
    };
    using download_ptr = std::shared_ptr<download>;
    struct listening;

    task<void> run(download_ptr job);
    task<void> run_under(download_ptr job);
    task<void> wait_for(download_ptr job);
    task<void> leave(download_ptr job);
    task<std::int64_t> fetch_and_commit(download_ptr job);
    task<std::int64_t> unpack(download_ptr job, std::shared_ptr<layer_extraction> into);

    storage_driver& storage_;
    extraction_limits limits_;
    semaphore free_;
    std::map<digest, download_ptr> downloads_; // by chain id
    background running_{"layer downloads"};
};

} // namespace davit
