#include "api/container_size.h"

#include <algorithm>
#include <fcntl.h>
#include <limits>
#include <set>
#include <string>
#include <sys/stat.h>

#include "io/descriptor.h"
#include "io/directory.h"
#include "io/offload.h"

namespace davit::api {

namespace {

constexpr unsigned deepest = 256;

/// A container may make holes of any size: their sum stays a number.
std::int64_t sum_of(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

/// Walks by descriptors, so that a directory that a container swaps for a link leads nowhere.
class tree_sum {
  public:
    void add_directory(int parent, const char* name, unsigned depth) {
        const io::descriptor directory{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!directory) return;
        for (const std::string& child : io::names_in(directory.get())) {
            struct stat facts{};
            if (::fstatat(directory.get(), child.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
            if (S_ISDIR(facts.st_mode)) {
                if (depth < deepest) add_directory(directory.get(), child.c_str(), depth + 1);
            } else if (facts.st_nlink < 2 || seen_.emplace(facts.st_dev, facts.st_ino).second) {
                bytes_ = sum_of(bytes_, facts.st_size);
            }
        }
    }

    std::int64_t bytes() const noexcept { return bytes_; }

  private:
    std::int64_t bytes_ = 0;
    std::set<std::pair<dev_t, ino_t>> seen_;
};

} // namespace

std::int64_t bytes_below(const std::string& directory) {
    tree_sum sum;
    sum.add_directory(AT_FDCWD, directory.c_str(), 0);
    return sum.bytes();
}

task<container_size> measure(const engine& of, std::string container_id, std::string image_id) {
    const auto* image = of.images.find(image_id);
    const std::int64_t image_size = image ? image->size : 0;
    const auto rootfs = co_await of.storage.container_rootfs(std::move(container_id));
    if (!rootfs.host_upper.empty()) {
        const auto written = co_await io::offload([directory = rootfs.host_upper] { return bytes_below(directory); });
        co_return container_size{written, sum_of(image_size, written)};
    }
    if (rootfs.host_layers.empty()) co_return container_size{0, image_size};
    // A copy of the whole image: what it has beyond that was written.
    const auto whole =
        co_await io::offload([directory = rootfs.host_layers.front()] { return bytes_below(directory); });
    co_return container_size{std::max<std::int64_t>(0, whole - image_size), whole};
}

} // namespace davit::api
