#include "io/tree_removal.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "io/beneath.h"

namespace davit::io {
namespace {

constexpr std::size_t deepest_open = 64;

struct directory_closer {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
};
using directory_handle = std::unique_ptr<DIR, directory_closer>;

directory_handle open_for_reading(int parent, const std::string& name) {
    descriptor opened = open_beneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, links::refused);
    if (!opened) {
        if (errno == ENOENT) return {};
        if (errno == EXDEV) throw error(errc::conflict, "cannot remove {}: something is mounted there", name);
        throw error::system(errno, "opening the directory {} to remove it", name);
    }
    directory_handle read{::fdopendir(opened.get())};
    if (!read) throw error::system(errno, "reading the directory {} to remove it", name);
    opened.release();
    return read;
}

class removal {
  public:
    removal(int directory, const std::string& name, std::size_t budget)
        : directory_{directory}, name_{name}, budget_{budget} {}

    bool run() {
        if (!enter(directory_, name_)) return true;
        while (!open_.empty()) {
            if (budget_ == 0) return false;
            const dirent* entry = ::readdir(open_.back().handle.get());
            if (!entry)
                leave();
            else if (const std::string_view found = entry->d_name; found != "." && found != "..")
                remove_entry(entry->d_name, entry->d_type);
        }
        return true;
    }

  private:
    struct level {
        directory_handle handle;
        std::string name;
        bool has_changed = false; // since its listing began
    };

    bool enter(int parent, const std::string& name) {
        directory_handle handle = open_for_reading(parent, name);
        if (!handle) return false;
        open_.push_back({std::move(handle), name, false});
        return true;
    }

    int fd_of(const level& of) const noexcept { return ::dirfd(of.handle.get()); }

    void count(level& changed) noexcept {
        changed.has_changed = true;
        if (budget_ != 0) --budget_;
    }

    void remove_entry(const std::string& name, unsigned char type) {
        level& here = open_.back();
        const int fd = fd_of(here);
        if (type != DT_DIR) {
            if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) return count(here);
            if (errno == EBUSY) throw error(errc::conflict, "cannot remove {}: something is mounted there", name);
            if (errno != EISDIR) throw error::system(errno, "removing {}", name);
        }
        if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return count(here);
        if (errno == EBUSY) throw error(errc::conflict, "cannot remove {}: something is mounted there", name);
        if (errno != ENOTEMPTY && errno != EEXIST) throw error::system(errno, "removing the directory {}", name);
        if (open_.size() < deepest_open)
            enter(fd, name);
        else
            move_up(fd, name);
    }

    // A tree may be deeper than descriptors allow: its deep parts become children of its top.
    void move_up(int fd, const std::string& name) {
        for (;;) {
            const std::string moved = fmt::format(".deep-{}", moved_++);
            if (::renameat2(fd, name.c_str(), fd_of(open_.front()), moved.c_str(), RENAME_NOREPLACE) == 0) break;
            if (errno == EBUSY) throw error(errc::conflict, "cannot remove {}: something is mounted there", name);
            if (errno != EEXIST) throw error::system(errno, "moving the deep directory {} to remove it", name);
        }
        open_.front().has_changed = true;
        count(open_.back());
    }

    void leave() {
        level& here = open_.back();
        const int parent = open_.size() == 1 ? directory_ : fd_of(open_[open_.size() - 2]);
        if (::unlinkat(parent, here.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
            open_.pop_back();
            if (!open_.empty()) count(open_.back());
            return;
        }
        // A listing may miss what was moved or made while it ran.
        if ((errno != ENOTEMPTY && errno != EEXIST) || !here.has_changed)
            throw error::system(errno, "removing the directory {}", here.name);
        here.has_changed = false;
        ::rewinddir(here.handle.get());
    }

    int directory_;
    const std::string& name_;
    std::size_t budget_;
    std::vector<level> open_;
    std::size_t moved_ = 0;
};

} // namespace

bool remove_some(int directory, const std::string& name, std::size_t budget) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno == EBUSY) throw error(errc::conflict, "cannot remove {}: something is mounted there", name);
    if (errno != EISDIR) throw error::system(errno, "removing {}", name);
    return removal{directory, name, budget}.run();
}

void remove_whole(int directory, const std::string& name) {
    while (!remove_some(directory, name, std::numeric_limits<std::size_t>::max())) {
    }
}

} // namespace davit::io
