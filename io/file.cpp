#include "io/file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/offload.h"
#include "io/tree_removal.h"

namespace davit::io {

namespace {

/// The directory part of a path: "." of a bare name.
std::string parent_of(const std::string& path) {
    const std::size_t slash =
        path.find_last_not_of('/') == path.npos ? path.npos : path.rfind('/', path.find_last_not_of('/'));
    if (slash == path.npos) return path.starts_with('/') ? "/" : ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> find_now(const std::string& path, std::size_t limit) {
    // Without O_NONBLOCK a FIFO would keep the worker until somebody writes to it.
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!file && errno == ENOENT) return std::nullopt;
    struct stat about{};
    if (!file || ::fstat(file.get(), &about) != 0) throw error::system(errno, "reading {}", path);
    if (!S_ISREG(about.st_mode)) throw error(errc::invalid, "{} is no regular file", path);
    std::string content;
    // Files of /proc and /sys say 0 and have more: the end is where read(2) says so.
    std::size_t size = 0;
    content.resize(std::min<std::size_t>(static_cast<std::size_t>(about.st_size) + 1, limit + 1));
    for (;;) {
        if (size == content.size()) {
            if (size > limit) throw error(errc::too_large, "{} has more than the {} bytes that are taken", path, limit);
            content.resize(std::min(std::max<std::size_t>(4096, size * 2), limit + 1));
        }
        const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw error::system(errno, "reading {}", path);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > limit) throw error(errc::too_large, "{} has more than the {} bytes that are taken", path, limit);
    content.resize(size);
    return content;
}

void sync_directory(const std::string& path) {
    const descriptor directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory || ::fsync(directory.get()) != 0) throw error::system(errno, "syncing the directory {}", path);
}

/// Removes a file unless it has become something lasting.
class temporary_file {
  public:
    explicit temporary_file(std::string path) noexcept : path_{std::move(path)} {}
    temporary_file(const temporary_file&) = delete;
    ~temporary_file() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    const std::string& path() const noexcept { return path_; }
    void keep() noexcept { path_.clear(); }

  private:
    std::string path_;
};

void write_now(const std::string& path, const std::string& content, mode_t mode, durability keeps) {
    static std::atomic<std::uint64_t> serial = 0;
    const std::string beside = fmt::format("{}.{}-{}.tmp", path, ::getpid(), ++serial);
    const descriptor file{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
    if (!file) throw error::system(errno, "making {}", beside);
    temporary_file made{beside};
    if (::fchmod(file.get(), mode) != 0)
        throw error::system(errno, "setting the mode of {}", beside); // whatever the umask
    for (std::size_t written = 0; written < content.size();) {
        const ssize_t put = ::write(file.get(), content.data() + written, content.size() - written);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw error::system(errno, "writing {}", beside);
        written += static_cast<std::size_t>(put);
    }
    if (keeps == durability::synced && ::fsync(file.get()) != 0) throw error::system(errno, "syncing {}", beside);
    if (::rename(beside.c_str(), path.c_str()) != 0) throw error::system(errno, "replacing {}", path);
    made.keep();
    if (keeps == durability::synced) sync_directory(parent_of(path));
}

void make_directories_now(const std::string& path, mode_t mode) {
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0) {
        if (!S_ISDIR(about.st_mode)) throw error(errc::conflict, "{} exists and is no directory", path);
        return;
    }
    if (errno != ENOENT) throw error::system(errno, "making the directory {}", path);
    make_directories_now(parent_of(path), mode);
    // Made with no more than the umask leaves of it, then given exactly what was asked.
    if (::mkdir(path.c_str(), mode) != 0) {
        if (errno != EEXIST) throw error::system(errno, "making the directory {}", path);
        if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return; // somebody else was faster
        throw error(errc::conflict, "{} exists and is no directory", path);
    }
    if (::chmod(path.c_str(), mode) != 0) throw error::system(errno, "setting the mode of {}", path);
}

directory_entry::type type_of(unsigned char kind) noexcept {
    switch (kind) {
    case DT_REG:
        return directory_entry::type::file;
    case DT_DIR:
        return directory_entry::type::directory;
    case DT_LNK:
        return directory_entry::type::link;
    default:
        return directory_entry::type::other;
    }
}

std::vector<directory_entry> list_now(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path.c_str()), &::closedir};
    if (!directory) throw error::system(errno, "listing {}", path);
    std::vector<directory_entry> entries;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (!entry) break;
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        unsigned char kind = entry->d_type;
        struct stat about{};
        if (kind == DT_UNKNOWN && // some file systems don't say
            ::fstatat(::dirfd(directory.get()), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
            kind = IFTODT(about.st_mode);
        entries.push_back({std::move(name), type_of(kind)});
    }
    if (errno != 0) throw error::system(errno, "listing {}", path);
    std::ranges::sort(entries, {}, &directory_entry::name);
    return entries;
}

void rename_now(const std::string& from, const std::string& to, durability keeps) {
    if (::rename(from.c_str(), to.c_str()) != 0) throw error::system(errno, "renaming {} to {}", from, to);
    if (keeps == durability::cached) return;
    sync_directory(parent_of(to));
    if (parent_of(from) != parent_of(to)) sync_directory(parent_of(from));
}

void remove_tree_now(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.empty() || name == "." || name == "..")
        throw error(errc::invalid, "\"{}\" does not name an entry of a directory", path);
    const descriptor parent{::open(parent_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!parent && errno == ENOENT) return;
    if (!parent) throw error::system(errno, "removing {}", path);
    try {
        remove_whole(parent.get(), name);
    } catch (error& e) {
        e.while_doing("removing {}", path);
        throw;
    }
}

} // namespace

task<std::optional<std::string>> find_file(std::string path, std::size_t limit) {
    co_return co_await offload([&] { return find_now(path, limit); });
}

task<std::string> read_file(std::string path, std::size_t limit) {
    auto found = co_await offload([&] { return find_now(path, limit); });
    if (!found) throw error::system(ENOENT, "reading {}", path);
    co_return std::move(*found);
}

task<void> write_file_atomically(std::string path, std::string content, mode_t mode, durability keeps) {
    co_await offload([&] { write_now(path, content, mode, keeps); });
}

task<void> make_directories(std::string path, mode_t mode) {
    co_await offload([&] { make_directories_now(path, mode); });
}

task<std::vector<directory_entry>> list_directory(std::string path) {
    co_return co_await offload([&] { return list_now(path); });
}

task<std::optional<std::uint64_t>> file_size(std::string path) {
    co_return co_await offload([&]() -> std::optional<std::uint64_t> {
        struct stat about{};
        if (::stat(path.c_str(), &about) == 0) return static_cast<std::uint64_t>(about.st_size);
        if (errno == ENOENT) return std::nullopt;
        throw error::system(errno, "looking at {}", path);
    });
}

task<bool> path_exists(std::string path) {
    co_return co_await offload([&] {
        struct stat about{};
        if (::lstat(path.c_str(), &about) == 0) return true;
        if (errno == ENOENT) return false;
        throw error::system(errno, "looking at {}", path);
    });
}

task<void> rename_path(std::string from, std::string to, durability keeps) {
    co_await offload([&] { rename_now(from, to, keeps); });
}

task<void> remove_tree(std::string path) {
    co_await offload([&] { remove_tree_now(path); });
}

task<void> remove_file(std::string path) {
    co_await offload([&] {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw error::system(errno, "removing {}", path);
    });
}

} // namespace davit::io
