#include <algorithm>
#include <utility>

#include "core/error.h"
#include "modules/images/images_module.h"

namespace davit {
namespace {

std::string short_id(std::string_view id) {
    return std::string{id.substr(id.find(':') + 1).substr(0, 12)};
}

/// "busybox" of "busybox:latest" and "busybox@sha256:…".
std::string repository_of(const std::string& name) {
    return image_reference::parse(name).familiar_name();
}

/// Whether everything that an image is called is one name (and its digests in the same repository).
bool has_single_name(const image_record& image) {
    if (image.repo_tags.size() > 1) return false;
    std::vector<std::string> repositories;
    for (const auto* names : {&image.repo_tags, &image.repo_digests})
        for (const std::string& name : *names) repositories.push_back(repository_of(name));
    std::ranges::sort(repositories);
    return std::unique(repositories.begin(), repositories.end()) - repositories.begin() <= 1;
}

/// The name among the image's own that the user gave; empty when the image was given by its id.
std::string name_among(const image_record& image, const std::string& given) {
    if (given.starts_with("sha256:")) return {};
    try {
        const auto asked = image_reference::parse_with_default_tag(given);
        const std::string name =
            asked.digest() ? asked.repository().with_digest(*asked.digest()).familiar() : asked.familiar();
        for (const auto* names : {&image.repo_tags, &image.repo_digests})
            if (std::ranges::find(*names, name) != names->end()) return name;
    } catch (const error&) {
        // not a name, so it was an id
    }
    return {};
}

string_map labels_of(const image_record& image) {
    return image.config.config ? image.config.config->labels.value_or(string_map{}) : string_map{};
}

} // namespace

images_module::images_module(const module_inputs& given)
    : images_module{
          given.get<image_store>(),
          given.get<blob_store>(),
          given.get<storage_driver>(),
          given.get<registry_client>(),
          given.get<event_bus>(),
          [&containers = given.get<container_service>()](const std::string& id) {
              const container_record* found = containers.find(id);
              return found && (found->state == container_state::running || found->state == container_state::paused ||
                               found->state == container_state::restarting);
          },
          static_cast<std::size_t>(std::clamp<std::int64_t>(given.config().number("max-concurrent-downloads"), 1, 64)),
          {.unpack = {.entries = static_cast<std::uint64_t>(given.config().number("max-layer-entries")),
                      .content_bytes = static_cast<std::uint64_t>(given.config().number("max-layer-size"))},
           .expanded_bytes = static_cast<std::uint64_t>(given.config().number("max-layer-size")),
           .expansion_ratio = static_cast<std::uint64_t>(given.config().number("max-layer-expansion"))}} {}

images_module::images_module(image_store& images, blob_store& blobs, storage_driver& storage,
                             registry_client& registries, event_bus& events,
                             std::function<bool(const std::string&)> runs, std::size_t downloads_at_once,
                             extraction_limits limits)
    : images_{images},
      blobs_{blobs},
      storage_{storage},
      events_{events},
      registries_{registries},
      runs_{std::move(runs)},
      downloads_{storage, downloads_at_once, limits} {}

std::string images_module::holder_of(const image_record& image, bool is_running) const {
    for (std::string& holder : images_.holders(image.id))
        if (runs_(holder) == is_running) return std::move(holder);
    return {};
}

void images_module::check_holders(const image_record& image, bool force) const {
    if (const auto holder = holder_of(image, true); !holder.empty())
        throw error(errc::conflict,
                    "conflict: unable to delete {} (cannot be forced) - image is being used by running container {}",
                    short_id(image.id), short_id(holder));
    if (const auto holder = holder_of(image, false); !holder.empty() && !force)
        throw error(errc::conflict,
                    "conflict: unable to delete {} (must be forced) - image is being used by stopped container {}",
                    short_id(image.id), short_id(holder));
}

void images_module::check_may_untag(const image_record& image, const std::string& name, bool is_by_id,
                                    bool force) const {
    if (is_by_id) {
        const bool is_named_once = has_single_name(image);
        check_holders(image, force || !is_named_once);
        if (!force && !is_named_once)
            throw error(errc::conflict,
                        "conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories",
                        short_id(image.id));
        return;
    }
    const auto holders = images_.holders(image.id);
    if (!force && !holders.empty() && has_single_name(image))
        throw error(errc::conflict,
                    "conflict: unable to remove repository reference {:?} (must force) - container {} is using its "
                    "referenced image {}",
                    name, short_id(holders.front()), short_id(image.id));
}

task<std::vector<removed_image>> images_module::remove(std::string name, bool force) {
    const auto alone = co_await changing_.acquire();
    const image_record image = images_.get(name); // a copy: the store changes below
    const std::string given = name_among(image, name);
    check_may_untag(image, name, given.empty(), force);

    std::vector<removed_image> told;
    std::vector<std::string> names;
    if (given.empty()) {
        names = image.repo_tags;
        names.insert(names.end(), image.repo_digests.begin(), image.repo_digests.end());
        std::ranges::sort(names);
    } else {
        names.push_back(given);
        // The last tag of a repository takes the digests along by which the image was pulled from it.
        const std::string repository = repository_of(given);
        const bool is_last = std::ranges::none_of(
            image.repo_tags, [&](const std::string& tag) { return tag != given && repository_of(tag) == repository; });
        if (is_last && given.find('@') == std::string::npos)
            std::ranges::copy_if(image.repo_digests, std::back_inserter(names),
                                 [&](const std::string& other) { return repository_of(other) == repository; });
    }
    for (const std::string& gone : names) co_await untag(image.id, gone, told);

    const image_record* left = images_.find(image.id);
    // A name that is gone is enough of an answer when a container needs the image.
    if (!left || !left->repo_tags.empty() || !left->repo_digests.empty() || !holder_of(*left, true).empty() ||
        (!force && !holder_of(*left, false).empty()))
        co_return told;
    for (std::string& deleted : co_await images_.remove(image.id)) told.push_back({{}, std::move(deleted)});
    publish("delete", image.id, image.id, labels_of(image));
    co_return told;
}

task<void> images_module::untag(std::string id, std::string name, std::vector<removed_image>& told) {
    co_await images_.untag(id, image_reference::parse(name));
    const image_record* image = images_.find(id);
    publish("untag", id, id, image ? labels_of(*image) : string_map{});
    told.push_back({std::move(name), {}});
}

void images_module::publish(const std::string& action, const std::string& actor, const std::string& name,
                            const string_map& labels) {
    engine_event happened;
    happened.type = "image";
    happened.action = action;
    happened.actor_id = actor;
    happened.attributes = labels;
    happened.attributes["name"] = name;
    events_.publish(std::move(happened));
}

} // namespace davit
