#include "modules/images/local_image_store.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "io/json.h"
#include "io/offload.h"

namespace davit {
namespace {

constexpr const char* table = "images";
constexpr const char* unsynced_table = "unsynced-images"; // image id: boot id
constexpr std::string_view id_prefix = "sha256:";

bool is_hex(std::string_view text) {
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// The digest of "name@sha256:…", as text.
std::string_view digest_of(std::string_view repo_digest) {
    const auto at = repo_digest.rfind('@');
    return at == std::string_view::npos ? std::string_view{} : repo_digest.substr(at + 1);
}

std::vector<std::string> blobs_of(const image_record& image) {
    std::vector<std::string> all{image.id, image.manifest_digest};
    for (const std::string& name : image.repo_digests) all.emplace_back(digest_of(name));
    return all;
}

/// Another one each time the host starts.
std::string read_boot_id() {
    std::ifstream file{"/proc/sys/kernel/random/boot_id"};
    std::string id;
    std::getline(file, id);
    return id;
}

/// Names are in the order of their full forms ("docker.io/library/busybox:latest"), as Docker lists them.
void add_once(std::vector<std::string>& to, const std::string& name) {
    if (std::ranges::find(to, name) != to.end()) return;
    const auto full = [](const std::string& one) { return image_reference::parse(one).text(); };
    to.insert(std::ranges::upper_bound(to, full(name), {}, full), name);
}

} // namespace

task<void> local_image_store::start() {
    boot_id_ = co_await io::offload(read_boot_id);
    co_await load_images();
    co_await delete_unused();
    if (!unsynced_.empty()) syncing_.spawn(sync_layers());
}

task<void> local_image_store::load_images() {
    std::set<std::string> damaged;
    for (const auto& [id, boot] : co_await state_.load(unsynced_table))
        (boot == boot_id_ ? unsynced_ : damaged).insert(id);
    for (const auto& [id, text] : co_await state_.load(table)) {
        auto image = io::parse<image_record>(text, "the stored image " + id);
        if (damaged.contains(id)) {
            log::warn("the host ended before the image {} ({}) was on the disk; pull it again", id,
                      image.repo_tags.empty() ? "without a tag" : image.repo_tags.front());
            state_.erase(table, id);
            continue;
        }
        for (const std::string& chain_id : image.chain_ids)
            if (!digest::is_valid(chain_id) || !storage_.has_layer(digest::parse(chain_id)))
                log::warn("the image {} misses its layer {}; pull it again", id, chain_id);
        index(images_.insert_or_assign(id, std::move(image)).first->second);
    }
    for (const std::string& id : damaged) state_.erase(unsynced_table, id);
}

task<void> local_image_store::sync_layers() {
    if (std::exchange(is_syncing_, true)) co_return;
    try {
        while (!unsynced_.empty()) {
            const std::set<std::string> now = unsynced_;
            co_await storage_.sync();
            for (const std::string& id : now) {
                unsynced_.erase(id);
                state_.erase(unsynced_table, id);
            }
        }
        is_syncing_ = false;
    } catch (...) {
        is_syncing_ = false;
        throw;
    }
}

task<void> local_image_store::delete_unused() {
    for (const digest& chain_id : storage_.layers())
        if (!uses_layer(chain_id.text())) co_await storage_.remove_layer(chain_id);
    for (const digest& blob : co_await blobs_.list())
        if (!uses_blob(blob.text())) co_await blobs_.remove(blob);
}

const image_record* local_image_store::find(std::string_view name) const {
    if (name.starts_with(id_prefix)) return find_id(name.substr(id_prefix.size()));
    // What could be a name is looked for as one first, as Docker does.
    try {
        const auto asked = image_reference::parse_with_default_tag(name);
        // Of "name:tag@digest" the digest alone counts.
        const auto key = asked.digest() ? asked.repository().with_digest(*asked.digest()).familiar() : asked.familiar();
        if (const auto at = names_.find(key); at != names_.end()) return &images_.find(at->second)->second;
    } catch (const error&) {
        // not a name; it may be an id
    }
    return is_hex(name) ? find_id(name) : nullptr;
}

const image_record* local_image_store::find_id(std::string_view hex_prefix) const {
    if (!is_hex(hex_prefix)) return nullptr;
    const std::string from = std::string{id_prefix} + std::string{hex_prefix};
    const auto first = images_.lower_bound(from);
    if (first == images_.end() || !first->first.starts_with(from)) return nullptr;
    const auto second = std::next(first);
    if (second != images_.end() && second->first.starts_with(from))
        throw error(errc::invalid, "the image id prefix {} is ambiguous", hex_prefix);
    return &first->second;
}

const image_record& local_image_store::get(std::string_view name) const {
    if (const image_record* found = find(name)) return *found;
    std::string shown{name};
    if (name.size() == 64 && is_hex(name))
        shown.insert(0, id_prefix);
    else if (!name.starts_with(id_prefix))
        shown = image_reference::parse_with_default_tag(name).familiar();
    throw error(errc::not_found, "No such image: {}", shown);
}

std::vector<const image_record*> local_image_store::list() const {
    std::vector<const image_record*> all;
    all.reserve(images_.size());
    for (const auto& [id, image] : images_) all.push_back(&image);
    return all;
}

task<void> local_image_store::record(image_record added, std::optional<image_reference> name) {
    const auto at = images_.find(added.id);
    image_record& image = at == images_.end() ? images_.emplace(added.id, added).first->second : at->second;
    for (const std::string& repo_digest : added.repo_digests) {
        forget_name(repo_digest); // of another image, if any; a digest leads to one configuration only
        add_once(image.repo_digests, repo_digest);
    }
    for (const std::string& tag : added.repo_tags) {
        if (const auto had = names_.find(tag); had != names_.end() && had->second != image.id) forget_name(tag);
        add_once(image.repo_tags, tag);
    }
    // Of "name:tag@digest" the digest alone counts, as in Docker.
    if (name && !name->tag().empty() && !name->digest()) {
        const std::string tag = name->repository().with_tag(name->tag()).familiar();
        if (const auto had = names_.find(tag); had != names_.end() && had->second != image.id) forget_name(tag);
        add_once(image.repo_tags, tag);
        image.last_tagged = std::chrono::system_clock::now();
    }
    index(image);
    save(image);
    unsynced_.insert(image.id);
    state_.put(unsynced_table, image.id, boot_id_);
    syncing_.spawn(sync_layers());
    co_await state_.flush();
}

task<bool> local_image_store::untag(std::string id, image_reference name) {
    const auto at = images_.find(id);
    if (at == images_.end()) throw error(errc::not_found, "No such image: {}", id);
    const std::string key = name.digest() ? name.repository().with_digest(*name.digest()).familiar() : name.familiar();
    if (const auto had = names_.find(key); had == names_.end() || had->second != id)
        throw error(errc::not_found, "the image {} has no name {}", id, key);
    forget_name(key);
    const bool has_others = !at->second.repo_tags.empty() || !at->second.repo_digests.empty();
    co_await state_.flush();
    co_return has_others;
}

task<std::vector<std::string>> local_image_store::remove(std::string id) {
    const auto at = images_.find(id);
    if (at == images_.end()) throw error(errc::not_found, "No such image: {}", id);
    const image_record image = std::move(at->second);
    for (const auto* names : {&image.repo_tags, &image.repo_digests})
        for (const std::string& name : *names) names_.erase(name);
    images_.erase(at);
    // Forgotten first: what a crash leaves of it after that is found unused at the next start.
    state_.erase(table, id);
    if (unsynced_.erase(id) != 0) state_.erase(unsynced_table, id);
    co_await state_.flush();

    std::vector<std::string> deleted{id};
    for (auto chain_id = image.chain_ids.rbegin(); chain_id != image.chain_ids.rend(); ++chain_id) {
        if (uses_layer(*chain_id)) break; // and so those below it
        const bool is_gone = co_await storage_.remove_layer(digest::parse(*chain_id));
        if (is_gone) deleted.push_back(*chain_id);
    }
    // Of names that went before, too: all that nobody has is dropped.
    for (const digest& blob : co_await blobs_.list())
        if (!uses_blob(blob.text())) co_await blobs_.remove(blob);
    co_return deleted;
}

void local_image_store::release(const std::string& id, const std::string& container_id) {
    const auto at = holders_.find(id);
    if (at == holders_.end()) return;
    at->second.erase(container_id);
    if (at->second.empty()) holders_.erase(at);
}

std::vector<std::string> local_image_store::holders(const std::string& id) const {
    const auto at = holders_.find(id);
    if (at == holders_.end()) return {};
    return {at->second.begin(), at->second.end()};
}

void local_image_store::index(const image_record& image) {
    for (const auto* names : {&image.repo_tags, &image.repo_digests})
        for (const std::string& name : *names) names_[name] = image.id;
}

void local_image_store::forget_name(const std::string& name) {
    const auto at = names_.find(name);
    if (at == names_.end()) return;
    image_record& image = images_.find(at->second)->second;
    std::erase(image.repo_tags, name);
    std::erase(image.repo_digests, name);
    names_.erase(at);
    save(image);
}

void local_image_store::save(const image_record& image) {
    state_.put(table, image.id, io::to_json(image));
}

bool local_image_store::uses_layer(const std::string& chain_id) const {
    return std::ranges::any_of(images_, [&](const auto& entry) {
        return std::ranges::find(entry.second.chain_ids, chain_id) != entry.second.chain_ids.end();
    });
}

bool local_image_store::uses_blob(const std::string& digest_text) const {
    return std::ranges::any_of(images_, [&](const auto& entry) {
        const auto all = blobs_of(entry.second);
        return std::ranges::find(all, digest_text) != all.end();
    });
}

} // namespace davit
