#include "modules/storage/layer_directories.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "io/beneath.h"
#include "io/directory.h"
#include "io/offload.h"
#include "io/tree_removal.h"

namespace davit {
namespace {

constexpr std::size_t entries_per_slice = 512;
constexpr std::size_t most_layers = 499; // the kernel's OVL_MAX_STACK, and one below them that is the driver's own

/// 65 random bits: as short as a name can be that is never met twice.
std::string random_id() {
    unsigned char bytes[13];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw error::system(errno, "asking for random bytes");
    std::string id;
    for (const unsigned char byte : bytes) id += "abcdefghijklmnopqrstuvwxyz234567"[byte & 31];
    return id;
}

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > 128 || name.front() == '.') return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

void check_container_id(const std::string& id) {
    if (!is_plain_name(id)) throw error(errc::invalid, "{:?} is no id of a container", id);
}

std::string link_text(int directory, const std::string& name) {
    char text[64];
    const auto size = ::readlinkat(directory, name.c_str(), text, sizeof text);
    return size > 0 && static_cast<std::size_t>(size) < sizeof text ? std::string(text, static_cast<std::size_t>(size))
                                                                    : std::string{};
}

/// Moves an entry into the trash, by a name that it has never had. Returns that name; empty when there was none.
std::string move_aside(int directory, const std::string& name, int trash) {
    std::string trashed = random_id();
    if (::renameat(directory, name.c_str(), trash, trashed.c_str()) == 0) return trashed;
    if (errno == ENOENT) return {};
    throw error::system(errno, "moving {} into the storage driver's trash", name);
}

void write_stack(int container, const std::vector<std::string>& stack) {
    std::string text;
    for (const std::string& id : stack) (text += id) += '\n';
    const io::descriptor file{::openat(container, "layers", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw error::system(errno, "writing down a container's layers");
}

/// Empty when it can't be read.
std::vector<std::string> read_stack(int containers, const std::string& id) {
    std::vector<std::string> stack;
    const io::descriptor file = io::open_beneath(containers, id + "/layers", O_RDONLY, io::links::refused);
    if (!file) return stack;
    std::string text(most_layers * 16, '\0');
    const auto size = ::read(file.get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        stack.push_back(text.substr(begin, end - begin));
    return stack;
}

void give_name(int containers, const std::string& id) {
    if (::renameat(containers, layer_directories::unfinished(id).c_str(), containers, id.c_str()) != 0)
        throw error::system(errno, "naming the directory of container {}", id);
}

} // namespace

/// What start-up finds on disk.
struct layer_directories::found {
    io::descriptor layers, links, containers, trash;
    std::unordered_map<digest, std::string> chains;
    std::vector<std::pair<std::string, std::vector<std::string>>> container_stacks;
    std::set<std::string> kept_layers;
    std::vector<std::string> trashed;
};

layer_directories::layer_directories(std::string data_root, std::string_view driver, whiteout_style whiteouts)
    : data_root_{std::move(data_root)}, root_{data_root_ + "/" + std::string{driver}}, whiteouts_{whiteouts} {}

layer_directories::found layer_directories::look_around(const std::string& data_root, const std::string& root) {
    found all;
    const io::descriptor above = io::open_private_directory(AT_FDCWD, data_root, 0710);
    const io::descriptor own = io::open_private_directory(above.get(), root.substr(data_root.size() + 1));
    all.layers = io::open_private_directory(own.get(), "l");
    all.links = io::open_private_directory(own.get(), "chains");
    all.containers = io::open_private_directory(own.get(), "c");
    all.trash = io::open_private_directory(own.get(), "t");
    io::spread_children(all.layers.get());
    io::spread_children(all.containers.get());

    std::vector<std::string> present = io::names_in(all.layers.get());
    std::ranges::sort(present);
    std::vector<std::string> visible;
    for (const std::string& hex : io::names_in(all.links.get())) {
        const std::string id = link_text(all.links.get(), hex);
        const std::string text = "sha256:" + hex;
        if (digest::is_valid(text) && std::ranges::binary_search(present, id)) {
            all.chains.emplace(digest::parse(text), id);
            visible.push_back(id);
        } else {
            io::remove_whole(all.links.get(), hex);
        }
    }
    std::ranges::sort(visible);
    std::set<std::string> stood_on;
    for (std::string& id : io::names_in(all.containers.get())) {
        if (!is_plain_name(id)) { // it was being made when the engine ended
            move_aside(all.containers.get(), id, all.trash.get());
            continue;
        }
        auto stack = read_stack(all.containers.get(), id);
        stood_on.insert(stack.begin(), stack.end());
        all.container_stacks.emplace_back(std::move(id), std::move(stack));
    }
    for (const std::string& id : present) {
        if (std::ranges::binary_search(visible, id)) continue;
        if (stood_on.contains(id))
            all.kept_layers.insert(id);
        else
            move_aside(all.layers.get(), id, all.trash.get());
    }
    all.trashed = io::names_in(all.trash.get());
    return all;
}

task<void> layer_directories::start() {
    found all = co_await io::offload([data_root = data_root_, root = root_] { return look_around(data_root, root); });
    layers_ = std::move(all.layers);
    links_ = std::move(all.links);
    containers_ = std::move(all.containers);
    trash_ = std::move(all.trash);
    chains_ = std::move(all.chains);
    for (auto& [id, stack] : all.container_stacks) container_stacks_[id] = share(std::move(stack));
    kept_layers_ = std::move(all.kept_layers);
    trashed_ = std::move(all.trashed);
    if (!trashed_.empty()) has_trash_.set();
    emptying_.spawn(empty_trash());
}

task<void> layer_directories::stop() {
    co_await emptying_.end();
}

task<layer_staging> layer_directories::begin_layer() {
    std::string id = co_await io::offload([layers = layers_.get()] {
                         for (;;) {
                             std::string made = random_id();
                             if (::mkdirat(layers, made.c_str(), 0755) == 0) {
                                 // The umask may have taken rights that everybody in a container needs.
                                 if (::fchmodat(layers, made.c_str(), 0755, 0) != 0)
                                     throw error::system(errno, "setting the mode of a layer's directory");
                                 return made;
                             }
                             if (errno != EEXIST) throw error::system(errno, "making a layer's directory");
                         }
                     }).under(nullptr);
    std::string directory = layer_directory(id);
    co_return layer_staging{std::move(id), std::move(directory), whiteouts_};
}

task<void> layer_directories::commit_layer(layer_staging staging, digest chain_id) {
    if (chain_id.algorithm() != digest::hash_algorithm::sha256)
        throw error(errc::invalid, "a layer's chain id must be a sha256 digest, not {:?}", chain_id.text());
    const bool is_first = co_await link_layer(staging.id, chain_id).under(nullptr);
    if (!is_first) co_await discard_layer(std::move(staging));
}

task<bool> layer_directories::link_layer(std::string id, digest chain_id) {
    const auto alone = co_await linking_.acquire();
    if (chains_.contains(chain_id)) co_return false;
    co_await io::offload([links = links_.get(), id, hex = chain_id.hex()] {
        if (::symlinkat(id.c_str(), links, hex.c_str()) != 0)
            throw error::system(errno, "committing the layer {}", hex);
    });
    chains_.emplace(chain_id, std::move(id));
    co_return true;
}

task<void> layer_directories::discard_layer(layer_staging staging) {
    std::string trashed =
        co_await io::offload([from = layers_.get(), id = std::move(staging.id), trash = trash_.get()] {
            return move_aside(from, id, trash);
        }).under(nullptr);
    co_await delete_now(std::move(trashed));
}

task<bool> layer_directories::remove_layer(digest chain_id) {
    auto trashed = co_await unlink_layer(chain_id).under(nullptr);
    if (!trashed) co_return false;
    co_await delete_now(std::move(*trashed));
    co_return true;
}

task<std::optional<std::string>> layer_directories::unlink_layer(digest chain_id) {
    const auto alone = co_await linking_.acquire();
    const auto at = chains_.find(chain_id);
    if (at == chains_.end()) co_return std::string{};
    const std::string id = std::move(at->second);
    chains_.erase(at);
    const bool is_kept = is_stood_on(id);
    if (is_kept) kept_layers_.insert(id);
    // The link goes first: a layer that is not whole must not be visible.
    co_return co_await io::offload([links = links_.get(), layers = layers_.get(), trash = trash_.get(),
                                    hex = chain_id.hex(), id, is_kept]() -> std::optional<std::string> {
        if (::unlinkat(links, hex.c_str(), 0) != 0 && errno != ENOENT)
            throw error::system(errno, "removing the layer {}", hex);
        return is_kept ? std::nullopt : std::optional{move_aside(layers, id, trash)};
    });
}

bool layer_directories::is_stood_on(const std::string& id) const {
    return std::ranges::any_of(shared_stacks_, [&](const auto& entry) {
        return !entry.second.expired() && std::ranges::find(entry.first, id) != entry.first.end();
    });
}

task<void> layer_directories::drop_kept_layers() {
    std::vector<std::string> dropped;
    for (const std::string& id : kept_layers_)
        if (!is_stood_on(id)) dropped.push_back(id);
    for (const std::string& id : dropped) kept_layers_.erase(id);
    for (const std::string& id : dropped) {
        std::string trashed = co_await io::offload([layers = layers_.get(), trash = trash_.get(), id] {
                                  return move_aside(layers, id, trash);
                              }).under(nullptr);
        if (!trashed.empty()) trashed_.push_back(std::move(trashed));
        has_trash_.set();
    }
}

task<void> layer_directories::sync() {
    co_await io::offload([layers = layers_.get()] {
        if (::syncfs(layers) != 0) throw error::system(errno, "writing layers to the disk");
    });
}

std::vector<digest> layer_directories::layers() const {
    std::vector<digest> all;
    all.reserve(chains_.size());
    for (const auto& [chain_id, id] : chains_) all.push_back(chain_id);
    return all;
}

layer_directories::layer_list layer_directories::stack_of(const std::vector<digest>& chain_ids) {
    if (chain_ids.size() > most_layers)
        throw error(errc::too_large, "an image of {} layers has more than the {} that can be mounted", chain_ids.size(),
                    most_layers);
    std::vector<std::string> stack;
    stack.reserve(chain_ids.size());
    for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
        const auto at = chains_.find(*chain_id);
        if (at == chains_.end()) throw error(errc::not_found, "the layer {} is missing", chain_id->text());
        stack.push_back(at->second);
    }
    return share(std::move(stack));
}

std::vector<std::string> layer_directories::layer_paths(const std::vector<digest>& chain_ids) const {
    std::vector<std::string> paths;
    for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
        const auto at = chains_.find(*chain_id);
        if (at == chains_.end()) return {};
        paths.push_back(layer_directory(at->second));
    }
    return paths;
}

layer_directories::layer_list layer_directories::share(std::vector<std::string> stack) {
    auto& shared = shared_stacks_[stack];
    if (auto known = shared.lock()) return known;
    std::erase_if(shared_stacks_,
                  [&](const auto& entry) { return &entry.second != &shared && entry.second.expired(); });
    auto made = std::make_shared<const std::vector<std::string>>(std::move(stack));
    shared = made;
    return made;
}

task<void> layer_directories::make_container(std::string container_id, layer_list stack, std::function<void(int)> fill,
                                             bool is_whole_then) {
    check_container_id(container_id);
    co_await io::offload([&, containers = containers_.get(), trash = trash_.get()] {
        const std::string name = unfinished(container_id);
        if (::faccessat(containers, container_id.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            throw error(errc::conflict, "container {} has a directory already", container_id);
        if (::mkdirat(containers, name.c_str(), 0700) != 0)
            throw error::system(errno, "making the directory of container {}", container_id);
        try {
            const io::descriptor own = io::open_beneath(containers, name, O_RDONLY | O_DIRECTORY, io::links::refused);
            if (!own) throw error::system(errno, "opening the directory of container {}", container_id);
            write_stack(own.get(), *stack);
            fill(own.get());
            if (is_whole_then) give_name(containers, container_id);
        } catch (...) {
            const std::string trashed = move_aside(containers, name, trash);
            if (!trashed.empty()) io::remove_whole(trash, trashed);
            throw;
        }
    }).under(nullptr);
    container_stacks_[std::move(container_id)] = std::move(stack);
}

task<void> layer_directories::finish_container(std::string container_id) {
    co_await io::offload([&, containers = containers_.get()] { give_name(containers, container_id); });
}

task<void> layer_directories::remove_container(std::string container_id) {
    check_container_id(container_id);
    std::string trashed = co_await io::offload([containers = containers_.get(), trash = trash_.get(), container_id] {
                              std::string moved = move_aside(containers, container_id, trash);
                              return moved.empty() ? move_aside(containers, unfinished(container_id), trash) : moved;
                          }).under(nullptr);
    container_stacks_.erase(container_id);
    if (!trashed.empty()) {
        trashed_.push_back(std::move(trashed));
        has_trash_.set();
    }
    co_await drop_kept_layers();
}

layer_directories::layer_list layer_directories::container_stack(const std::string& container_id) const {
    const auto at = container_stacks_.find(container_id);
    if (at == container_stacks_.end())
        throw error(errc::not_found, "container {} has no directory in the storage driver", container_id);
    return at->second;
}

std::vector<std::string> layer_directories::containers() const {
    std::vector<std::string> all;
    all.reserve(container_stacks_.size());
    for (const auto& [id, stack] : container_stacks_) all.push_back(id);
    return all;
}

task<void> layer_directories::empty_trash() {
    for (;;) {
        co_await has_trash_.wait();
        has_trash_.reset();
        while (!trashed_.empty()) {
            std::string name = std::move(trashed_.back());
            trashed_.pop_back();
            try {
                co_await delete_trashed(name);
            } catch (const error& e) {
                if (e.category() == errc::cancelled) throw;
                log::warn("deleting {}/t/{}: {}; it is tried again when the engine starts", root_, name, e.what());
            }
        }
    }
}

task<void> layer_directories::delete_now(std::string trashed) {
    if (trashed.empty()) co_return;
    try {
        co_await delete_trashed(trashed);
    } catch (...) {
        // Nobody sees it any more; what is left of it goes with the rest of the trash.
        trashed_.push_back(std::move(trashed));
        has_trash_.set();
        throw;
    }
}

task<void> layer_directories::delete_trashed(std::string name) {
    // In slices, so that a large tree leaves the workers to others in between.
    while (!co_await io::offload(
        [trash = trash_.get(), name] { return io::remove_some(trash, name, entries_per_slice); })) {
    }
}

} // namespace davit
