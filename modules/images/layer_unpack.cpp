#include "modules/images/layer_unpack.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "io/beneath.h"
#include "io/tree_removal.h"

namespace davit {
namespace {

constexpr const char* opaque_xattr = "trusted.overlay.opaque";

bool is_whiteout(const struct stat& facts) {
    return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(0, 0);
}

timespec mtime_of(const io::tar_entry& entry) {
    return {static_cast<time_t>(entry.mtime_seconds), static_cast<long>(entry.mtime_nanoseconds)};
}

void set_opaque(int directory) {
    if (::fsetxattr(directory, opaque_xattr, "y", 1, 0) != 0)
        throw error::system(errno, "marking the directory as opaque");
}

void set_owner_and_mode(int fd, const io::tar_entry& entry) {
    // In this order: a change of owner takes set-id bits away.
    if (::fchown(fd, entry.uid, entry.gid) != 0) throw error::system(errno, "setting its owner");
    if (::fchmod(fd, entry.mode) != 0) throw error::system(errno, "setting its mode");
}

void set_xattrs(int fd, const io::tar_entry& entry) {
    for (const auto& [name, value] : entry.xattrs) {
        const bool is_users = name.starts_with("user.") && !name.starts_with("user.overlay.");
        if ((!is_users && name != "security.capability") || name.find('\0') != std::string::npos) continue;
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 && errno != ENOTSUP)
            throw error::system(errno, "setting its attribute {}", name);
    }
}

} // namespace

layer_unpack::layer_unpack(io::descriptor root, whiteout_style whiteouts, unpack_limits limits)
    : root_{std::move(root)},
      whiteouts_{whiteouts},
      limits_{limits},
      parser_{*this, {.entries = limits.entries, .extension_bytes = 1u << 20}} {}

void layer_unpack::finish() {
    parser_.finish();
    for (const directory_times& told : directories_) {
        // It may have been replaced since; then its times are of no use.
        const io::descriptor directory = open_directory(told.path);
        struct stat facts{};
        if (!directory || ::fstat(directory.get(), &facts) != 0 || facts.st_ino != told.inode ||
            facts.st_dev != told.device)
            continue;
        const timespec mtime{static_cast<time_t>(told.seconds), static_cast<long>(told.nanoseconds)};
        const timespec times[2] = {mtime, mtime};
        if (::futimens(directory.get(), times) != 0) throw error::system(errno, "setting the times of /{}", told.path);
    }
    directories_.clear();
}

void layer_unpack::begin_entry(const io::tar_entry& entry) {
    try {
        entry_ = &entry;
        path_ = parse_layer_path(entry.path);
        make(entry);
    } catch (error& e) {
        e.while_doing("the layer's entry {:?}", entry.path.substr(0, 400));
        throw;
    }
}

void layer_unpack::content(std::span<const std::byte> piece) {
    if (!file_) return; // a whiteout's, which means nothing
    count_content(piece.size());
    ends_in_hole_ = false;
    while (!piece.empty()) {
        const auto written = ::write(file_.get(), piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw error::system(errno, "writing the content of the layer's entry {:?}", path_.text());
        piece = piece.subspan(static_cast<std::size_t>(written));
    }
}

void layer_unpack::hole(std::uint64_t bytes) {
    if (!file_) return;
    count_content(bytes);
    ends_in_hole_ = true;
    if (::lseek(file_.get(), static_cast<off_t>(bytes), SEEK_CUR) < 0)
        throw error::system(errno, "making a hole in the layer's entry {:?}", path_.text());
}

void layer_unpack::count_content(std::uint64_t bytes) {
    if (bytes > limits_.content_bytes - content_bytes_)
        throw error(errc::too_large, "the layer's files have more than {} bytes, with {:?}", limits_.content_bytes,
                    path_.text());
    content_bytes_ += bytes;
}

void layer_unpack::end_entry() {
    if (!file_) return;
    try {
        finish_file();
    } catch (error& e) {
        e.while_doing("the layer's entry {:?}", path_.text());
        throw;
    }
}

void layer_unpack::make(const io::tar_entry& entry) {
    switch (path_.mark) {
    case layer_mark::none:
        break;
    case layer_mark::whiteout:
        return make_whiteout(entry);
    case layer_mark::opaque:
        return make_opaque_mark(entry);
    case layer_mark::ignored:
        return;
    }
    if (path_.name.empty() && entry.kind != io::tar_kind::directory)
        throw error(errc::invalid, "it would replace the layer's root");
    switch (entry.kind) {
    case io::tar_kind::file:
        return make_file();
    case io::tar_kind::hard_link:
        return make_hard_link(entry);
    case io::tar_kind::symbolic_link:
        return make_symbolic_link(entry);
    case io::tar_kind::character_device:
    case io::tar_kind::block_device:
    case io::tar_kind::fifo:
        return make_node(entry);
    case io::tar_kind::directory:
        return make_directory(entry);
    }
}

template <class Create> layer_unpack::in_the_way layer_unpack::create(Create call, const char* what) {
    in_the_way was = in_the_way::nothing;
    if (call() != 0) {
        if (errno == EEXIST) {
            was = clear_way();
            if (call() == 0) {
                count_made();
                return was;
            }
        }
        throw error::system(errno, "{}", what);
    }
    count_made();
    return was;
}

void layer_unpack::make_directory(const io::tar_entry& entry) {
    if (path_.name.empty()) return set_directory_facts(root_.get(), "", entry);
    const int into = parent();
    const char* const name = path_.name.c_str();
    const auto open = [&] {
        return io::open_beneath(into, path_.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, io::links::refused);
    };
    io::descriptor made;
    if (::mkdirat(into, name, 0700) == 0) {
        count_made();
        made = open();
    } else if (errno == EEXIST) {
        made = open();
        if (!made && (errno == ENOTDIR || errno == ELOOP)) {
            const auto was = create([&] { return ::mkdirat(into, name, 0700); }, "making the directory");
            made = open();
            // It was gone, and is here again: nothing of the layers below may show in it.
            if (made && was == in_the_way::whiteout) set_opaque(made.get());
        }
    }
    if (!made) throw error::system(errno, "making the directory");
    set_directory_facts(made.get(), path_.text(), entry);
}

void layer_unpack::set_directory_facts(int fd, const std::string& path, const io::tar_entry& entry) {
    set_owner_and_mode(fd, entry);
    set_xattrs(fd, entry);
    struct stat facts{};
    if (::fstat(fd, &facts) != 0) throw error::system(errno, "looking at the directory");
    directory_path_bytes_ += path.size();
    if (directory_path_bytes_ > limits_.directory_path_bytes)
        throw error(errc::too_large, "the names of the layer's directories take more than {} bytes",
                    limits_.directory_path_bytes);
    // Times come last of all: whatever is made in a directory changes them.
    directories_.push_back({path, facts.st_dev, facts.st_ino, entry.mtime_seconds, entry.mtime_nanoseconds});
}

void layer_unpack::make_file() {
    ends_in_hole_ = false;
    const int into = parent();
    create(
        [&] {
            file_ = io::descriptor{
                ::openat(into, path_.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
            return file_ ? 0 : -1;
        },
        "making the file");
}

void layer_unpack::finish_file() {
    const io::descriptor file = std::move(file_);
    if (ends_in_hole_ && ::ftruncate(file.get(), static_cast<off_t>(entry_->size)) != 0)
        throw error::system(errno, "giving it its size");
    set_owner_and_mode(file.get(), *entry_);
    set_xattrs(file.get(), *entry_);
    const timespec times[2] = {mtime_of(*entry_), mtime_of(*entry_)};
    if (::futimens(file.get(), times) != 0) throw error::system(errno, "setting its times");
}

void layer_unpack::make_hard_link(const io::tar_entry& entry) {
    const layer_path target = parse_layer_path(entry.link_target);
    if (target.name.empty() || target.mark != layer_mark::none)
        throw error(errc::invalid, "it is a hard link to {:?}, which is no file", entry.link_target.substr(0, 400));
    const io::descriptor from = open_directory(target.parent);
    struct stat facts{};
    if (!from || ::fstatat(from.get(), target.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
        throw error(errc::invalid, "it is a hard link to {:?}, which this layer does not have",
                    entry.link_target.substr(0, 400));
    if (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode))
        throw error(errc::invalid, "it is a hard link to {:?}, which is neither a file nor a link",
                    entry.link_target.substr(0, 400));
    const int into = parent();
    if (target.parent == path_.parent && target.name == path_.name) return;
    // Its facts are those of the file that was there first.
    create([&] { return ::linkat(from.get(), target.name.c_str(), into, path_.name.c_str(), 0); },
           "making the hard link");
}

void layer_unpack::make_symbolic_link(const io::tar_entry& entry) {
    const int into = parent();
    const char* const name = path_.name.c_str();
    create([&] { return ::symlinkat(entry.link_target.c_str(), into, name); }, "making the symbolic link");
    const timespec times[2] = {mtime_of(entry), mtime_of(entry)};
    if (::fchownat(into, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::utimensat(into, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        throw error::system(errno, "setting its owner and times");
}

void layer_unpack::make_node(const io::tar_entry& entry) {
    const mode_t type = entry.kind == io::tar_kind::fifo               ? S_IFIFO
                        : entry.kind == io::tar_kind::character_device ? S_IFCHR
                                                                       : S_IFBLK;
    const dev_t device = entry.kind == io::tar_kind::fifo ? 0 : makedev(entry.device_major, entry.device_minor);
    const int into = parent();
    const char* const name = path_.name.c_str();
    create([&] { return ::mknodat(into, name, type | 0600, device); }, "making the special file");
    const timespec times[2] = {mtime_of(entry), mtime_of(entry)};
    if (::fchownat(into, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(into, name, entry.mode, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::utimensat(into, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        throw error::system(errno, "setting its owner, mode and times");
}

void layer_unpack::make_whiteout(const io::tar_entry& entry) {
    if (entry.kind != io::tar_kind::file) throw error(errc::invalid, "a whiteout must be a plain file");
    const int into = parent();
    if (whiteouts_ == whiteout_style::marker) {
        const std::string marker = ".wh." + path_.name;
        const io::descriptor made{
            ::openat(into, marker.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!made && errno != EEXIST) throw error::system(errno, "making the whiteout");
        if (made) count_made();
        return;
    }
    if (::mknodat(into, path_.name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return count_made();
    if (errno != EEXIST) throw error::system(errno, "making the whiteout");
    // The layer has something of that name itself, which hides what is below; a directory must say so.
    const io::descriptor own =
        io::open_beneath(into, path_.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, io::links::refused);
    if (own) set_opaque(own.get());
}

void layer_unpack::make_opaque_mark(const io::tar_entry& entry) {
    if (entry.kind != io::tar_kind::file) throw error(errc::invalid, "a whiteout must be a plain file");
    const int into = parent();
    if (whiteouts_ == whiteout_style::overlay) return set_opaque(into);
    const io::descriptor made{
        ::openat(into, path_.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!made && errno != EEXIST) throw error::system(errno, "making the whiteout");
    if (made) count_made();
}

io::descriptor layer_unpack::open_directory(const std::string& path) const noexcept {
    return io::open_beneath(root_.get(), path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, io::links::in_root);
}

int layer_unpack::parent() {
    if (path_.parent.empty()) return root_.get();
    if (parent_is_known_ && parent_path_ == path_.parent) return parent_.get();
    parent_is_known_ = false;
    parent_ = open_directory(path_.parent);
    if (!parent_) {
        if (errno != ENOENT && errno != ENOTDIR) throw error::system(errno, "opening its directory");
        parent_ = make_parents(path_.parent);
    }
    parent_path_ = path_.parent;
    parent_is_known_ = true;
    return parent_.get();
}

io::descriptor layer_unpack::make_parents(const std::string& path) {
    io::descriptor above = open_directory("");
    for (std::size_t begin = 0, end; begin <= path.size(); begin = end + 1) {
        end = std::min(path.find('/', begin), path.size());
        const std::string so_far = path.substr(0, end);
        const std::string name = path.substr(begin, end - begin);
        io::descriptor next = open_directory(so_far);
        if (!next) {
            struct stat facts{};
            const bool was_whiteout = errno == ENOTDIR && whiteouts_ == whiteout_style::overlay &&
                                      ::fstatat(above.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                                      is_whiteout(facts);
            if (was_whiteout && ::unlinkat(above.get(), name.c_str(), 0) != 0)
                throw error::system(errno, "replacing the whiteout {}", so_far);
            if (!was_whiteout && errno != ENOENT) throw error(errc::invalid, "{} is no directory", so_far);
            if (::mkdirat(above.get(), name.c_str(), 0755) != 0 || ::fchmodat(above.get(), name.c_str(), 0755, 0) != 0)
                throw error::system(errno, "making the directory {}", so_far);
            count_made();
            next = open_directory(so_far);
            if (!next) throw error::system(errno, "opening the directory {}", so_far);
            if (was_whiteout) set_opaque(next.get());
        }
        above = std::move(next);
    }
    return above;
}

void layer_unpack::count_made() {
    if (++made_ > limits_.entries)
        throw error(errc::too_large, "the layer has more than {} files and directories", limits_.entries);
}

layer_unpack::in_the_way layer_unpack::clear_way() {
    const int into = parent();
    struct stat facts{};
    if (::fstatat(into, path_.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
        throw error::system(errno, "looking at what is in its place");
    if (S_ISDIR(facts.st_mode)) {
        io::remove_whole(into, path_.name);
    } else if (::unlinkat(into, path_.name.c_str(), 0) != 0) {
        throw error::system(errno, "removing what is in its place");
    }
    // The remembered parent may have been inside, or behind a link; that of the present entry was not.
    if (parent_path_ != path_.parent) parent_is_known_ = false;
    return is_whiteout(facts) ? in_the_way::whiteout : in_the_way::something;
}

} // namespace davit
