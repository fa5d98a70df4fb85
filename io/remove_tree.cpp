#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/file.h"
#include "io/offload.h"

namespace davit::io {

namespace {

/// A directory on the way down. Its names are read once; what appears later makes the final rmdir fail, as it should.
struct level {
    descriptor directory;
    std::string name;
    std::vector<std::string> subdirectories; // still to be emptied
};

/// Opens a directory below `parent` that is neither a link nor another mount's root.
descriptor open_below(int parent, const std::string& name) noexcept {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH;
    return descriptor{static_cast<int>(::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how))};
}

/// The tree that is removed, for error texts.
class removal {
  public:
    explicit removal(std::string path) : path_{std::move(path)} {}

    void remove(int parent, const std::string& name) {
        if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
        if (errno != EISDIR && errno != EPERM) fail("removing", name);
        std::vector<level> way;
        enter(parent, name, way);
        // A loop, not recursion: a tree of hostile depth must not use up the stack. Depth costs descriptors, so a
        // directory is emptied of files before its subdirectories are entered.
        while (!way.empty()) {
            level& here = way.back();
            if (!here.subdirectories.empty()) {
                const std::string next = std::move(here.subdirectories.back());
                here.subdirectories.pop_back();
                enter(here.directory.get(), next, way);
                continue;
            }
            const level done = std::move(way.back());
            way.pop_back();
            const int above = way.empty() ? parent : way.back().directory.get();
            if (::unlinkat(above, done.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) fail("removing", done.name);
        }
    }

  private:
    [[noreturn]] void fail(const char* doing, const std::string& name) const {
        const int number = errno;
        if (number == EXDEV || number == EBUSY)
            throw error(errc::conflict, "removing {}: \"{}\" in it is a mount point; unmount it first", path_, name);
        throw error::system(number, "{} \"{}\" while removing {}", doing, name, path_);
    }

    void enter(int parent, const std::string& name, std::vector<level>& way) {
        descriptor opened = open_below(parent, name);
        if (!opened) {
            if (errno == ENOENT) return;
            fail("opening", name);
        }
        way.push_back({std::move(opened), name, {}});
        empty_of_files(way.back());
    }

    void empty_of_files(level& here) {
        // A descriptor of its own for the listing, which closedir(3) closes.
        const int listed = ::fcntl(here.directory.get(), F_DUPFD_CLOEXEC, 0);
        const std::unique_ptr<DIR, int (*)(DIR*)> entries{listed < 0 ? nullptr : ::fdopendir(listed), &::closedir};
        if (!entries) {
            const int number = errno;
            if (listed >= 0) ::close(listed);
            errno = number;
            fail("listing", here.name);
        }
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(entries.get()))
            if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
                names.emplace_back(entry->d_name);
        if (errno != 0) fail("listing", here.name);
        for (std::string& name : names) {
            if (::unlinkat(here.directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
            if (errno != EISDIR && errno != EPERM) fail("removing", name);
            here.subdirectories.push_back(std::move(name));
        }
    }

    std::string path_;
};

} // namespace

task<void> remove_tree(std::string path) {
    co_await offload([&] {
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        const std::size_t slash = path.rfind('/');
        const std::string parent = slash == path.npos ? "." : path.substr(0, slash + 1);
        const std::string name = slash == path.npos ? path : path.substr(slash + 1);
        if (name.empty() || name == "." || name == "..")
            throw error(errc::invalid, "\"{}\" does not name an entry of a directory", path);
        const descriptor directory{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (!directory && errno == ENOENT) return;
        if (!directory) throw error::system(errno, "removing {}", path);
        removal{path}.remove(directory.get(), name);
    });
}

task<void> remove_tree_at(int directory, std::string name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos)
        throw error(errc::invalid, "\"{}\" does not name an entry of a directory", name);
    co_await offload([&] { removal{name}.remove(directory, name); });
}

} // namespace davit::io
