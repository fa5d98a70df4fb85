#include "modules/storage/overlay/overlay_storage.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <utility>

#include <fmt/ranges.h>

#include "core/error.h"
#include "io/beneath.h"
#include "io/descriptor.h"
#include "io/offload.h"

namespace davit {
namespace {

void make_directory(int parent, const char* name, mode_t mode) {
    // The second call gives back what the umask took.
    if (::mkdirat(parent, name, mode) != 0 || ::fchmodat(parent, name, mode, 0) != 0)
        throw error::system(errno, "making the directory {} of a container", name);
}

/// Touches nothing that is there: containers that are running have it mounted.
void make_places(const std::string& path) {
    const io::descriptor places = io::open_private_directory(AT_FDCWD, path, 0755);
    for (const char* name : {"dev", "etc", "proc", "sys"})
        if (::faccessat(places.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) make_directory(places.get(), name, 0755);
    for (const char* name : {"etc/hostname", "etc/hosts", "etc/resolv.conf"}) {
        const io::descriptor made{::openat(places.get(), name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)};
        if (!made || ::fchmod(made.get(), 0644) != 0) throw error::system(errno, "making the empty {}", name);
    }
}

} // namespace

task<void> overlay_storage::start() {
    co_await layered_storage::start();
    co_await io::offload([path = places_] { make_places(path); });
}

task<void> overlay_storage::make_container(std::string container_id, std::vector<digest> chain_ids) {
    const auto fill = [](int own) {
        make_directory(own, "u", 0755); // becomes "/" of the container
        make_directory(own, "w", 0700);
    };
    co_await directories_.make_container(std::move(container_id), directories_.stack_of(chain_ids), fill, true);
}

task<rootfs_plan> overlay_storage::container_rootfs(std::string container_id) {
    rootfs_plan plan;
    plan.host_layers = layers_below(container_id);
    const std::string own = directories_.container_directory(container_id);
    plan.host_upper = own + "/u";
    plan.host_work = own + "/w";
    co_return plan;
}

std::vector<std::string> overlay_storage::layers_below(const std::string& container_id) const {
    const auto stack = directories_.container_stack(container_id);
    std::vector<std::string> layers;
    layers.reserve(stack->size() + 1);
    for (const std::string& id : *stack) layers.push_back(directories_.layer_directory(id));
    layers.push_back(places_);
    return layers;
}

string_map overlay_storage::image_places(const std::vector<digest>& chain_ids) const {
    std::vector<std::string> layers = directories_.layer_paths(chain_ids);
    if (layers.empty()) return {};
    const std::string top = layers.front();
    layers.erase(layers.begin());
    // An image is not mounted: the last two, which clients expect, are no directories; no layer's has such a name.
    string_map places{{"UpperDir", top}, {"MergedDir", top + ".merged"}, {"WorkDir", top + ".work"}};
    if (!layers.empty()) places["LowerDir"] = fmt::format("{}", fmt::join(layers, ":"));
    return places;
}

string_map overlay_storage::container_places(const std::string& container_id) const {
    const std::string own = directories_.container_directory(container_id);
    return {{"LowerDir", fmt::format("{}", fmt::join(layers_below(container_id), ":"))},
            {"UpperDir", own + "/u"},
            {"MergedDir", own + "/merged"},
            {"WorkDir", own + "/w"}};
}

} // namespace davit
