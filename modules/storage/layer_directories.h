#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/background.h"
#include "core/digest.h"
#include "core/event.h"
#include "core/semaphore.h"
#include "core/storage_driver.h"
#include "core/task.h"
#include "io/descriptor.h"

namespace davit {

/// The places on disk that a storage driver keeps, and what every driver does with them. See README.md for the layout.
///
/// A layer is written in its final place under a short random id and becomes visible when a link named by its chain id
/// says that id: one step, whatever the crash. What has no such link and no container at start-up is deleted. Removing
/// moves aside, which is cheap, into the trash, which is emptied in slices by one coroutine; what a crash leaves there
/// goes at the next start. Everything is done by descriptors; links are not followed and mounts not crossed.
class layer_directories {
  public:
    /// The layers that a container stands on: directory ids, the topmost first. Shared by containers of one image.
    using layer_list = std::shared_ptr<const std::vector<std::string>>;

    /// `root` is absolute: "<data-root>/overlay".
    layer_directories(std::string data_root, std::string_view driver, whiteout_style whiteouts);

    task<void> start();
    task<void> stop();

    task<layer_staging> begin_layer();
    task<void> commit_layer(layer_staging staging, digest chain_id);
    /// Deletes what was staged before it returns: a failed pull leaves nothing behind.
    task<void> discard_layer(layer_staging staging);
    /// See storage_driver::remove_layer.
    task<bool> remove_layer(digest chain_id);
    /// See storage_driver::sync.
    task<void> sync();
    bool has_layer(const digest& chain_id) const { return chains_.contains(chain_id); }
    std::vector<digest> layers() const;

    /// The directory ids for chain ids (lowest first), the topmost first. Errors: not_found when a layer is missing.
    layer_list stack_of(const std::vector<digest>& chain_ids);
    /// The same as directories. Empty when a layer is missing.
    std::vector<std::string> layer_paths(const std::vector<digest>& chain_ids) const;
    std::string layer_directory(const std::string& id) const { return root_ + "/l/" + id; }
    int layers_fd() const noexcept { return layers_.get(); }
    int containers_fd() const noexcept { return containers_.get(); }

    /// Makes the container's directory with the list of its layers in it, then calls `fill` (on a worker) with the
    /// directory's descriptor; removes all of it again when that fails. The directory gets its name when it is whole,
    /// so that an engine that is killed before leaves no container: at once, or by `finish_container` when `fill` only
    /// begins what takes longer. Until then it is called `unfinished`.
    /// Errors: invalid for an id that is no name; conflict when the container has a directory already.
    task<void> make_container(std::string container_id, layer_list stack, std::function<void(int)> fill,
                              bool is_whole_then);
    task<void> finish_container(std::string container_id);
    static std::string unfinished(const std::string& container_id) { return '+' + container_id; }
    task<void> remove_container(std::string container_id);
    /// Errors: not_found.
    layer_list container_stack(const std::string& container_id) const;
    std::string container_directory(const std::string& id) const { return root_ + "/c/" + id; }
    std::vector<std::string> containers() const;

  private:
    struct found;
    static found look_around(const std::string& data_root, const std::string& root);

    // What changes the disk and the tables together is not left half done when its caller is cancelled.
    task<bool> link_layer(std::string id, digest chain_id);
    /// The layer's name in the trash, empty when there was none; nothing when containers keep it.
    task<std::optional<std::string>> unlink_layer(digest chain_id);

    layer_list share(std::vector<std::string> stack);
    bool is_stood_on(const std::string& id) const;
    /// Moves into the trash the kept layers that no container stands on any more.
    task<void> drop_kept_layers();

    task<void> empty_trash();
    task<void> delete_now(std::string trashed);
    task<void> delete_trashed(std::string name);

    std::string data_root_;
    std::string root_;
    whiteout_style whiteouts_;
    io::descriptor layers_, links_, containers_, trash_;
    std::unordered_map<digest, std::string> chains_;
    std::unordered_map<std::string, layer_list> container_stacks_;
    std::map<std::vector<std::string>, std::weak_ptr<const std::vector<std::string>>> shared_stacks_;
    std::set<std::string> kept_layers_; // removed while containers stand on them
    std::vector<std::string> trashed_;
    event has_trash_;
    semaphore linking_{1}; // chains_ and its links on disk change together
    background emptying_{"the storage driver's trash"};
};

} // namespace davit
