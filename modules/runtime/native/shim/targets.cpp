#include "modules/runtime/native/shim/targets.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {
namespace {

constexpr int most_links = 40;
constexpr unsigned long long inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

struct split_path {
    std::string parent; ///< Without its slash at the end; empty at the top
    std::string name;
};

split_path split(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

int open_or_make(int root, const std::string& path, target_kind kind, int links_left) {
    const int there = open_resolved(root, path.empty() ? "/" : path.c_str(), O_PATH, inside);
    if (there >= 0) return there;
    if (errno != ENOENT) fail(failure_kind::invalid, errno, "opening %s in the container", path.c_str());
    const auto [parent_path, name] = split(path);
    if (name.empty() || name == "." || name == "..") // "a/missing/..": its meaning hangs on what is missing
        fail(failure_kind::invalid, ENOENT, "opening %s in the container", path.c_str());
    const int parent = open_or_make(root, parent_path, target_kind::directory, links_left);

    int made = -1;
    if (kind == target_kind::directory) {
        made = mkdirat(parent, name.c_str(), 0755);
    } else {
        made = openat(parent, name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
        if (made >= 0) close(made);
    }
    if (made < 0 && errno != EEXIST) fail(failure_kind::invalid, errno, "making %s in the container", path.c_str());
    if (made < 0) {
        // A link that leads to nothing yet: make what it names.
        char link[4096];
        const auto length = readlinkat(parent, name.c_str(), link, sizeof link);
        if (length <= 0 || static_cast<std::size_t>(length) == sizeof link || links_left == 0)
            fail(failure_kind::invalid, length < 0 ? errno : ELOOP, "opening %s in the container", path.c_str());
        close(parent);
        const std::string to{link, static_cast<std::size_t>(length)};
        return open_or_make(root, to.front() == '/' ? to : parent_path + "/" + to, kind, links_left - 1);
    }
    const int opened = open_resolved(parent, name.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    if (opened < 0) fail(failure_kind::invalid, errno, "opening %s in the container", path.c_str());
    close(parent);
    struct stat about{};
    if (fstat(opened, &about) < 0 || S_ISLNK(about.st_mode))
        fail(failure_kind::invalid, ELOOP, "opening %s in the container", path.c_str());
    return opened;
}

} // namespace

int open_target(int root, const std::string& path, target_kind kind) {
    return open_or_make(root, path, kind, most_links);
}

} // namespace davit::shim
