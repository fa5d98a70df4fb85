#include "modules/storage/vfs/tree_copy.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "io/beneath.h"
#include "io/descriptor.h"
#include "io/directory.h"
#include "io/tree_removal.h"

namespace davit {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";
constexpr int deepest = 400; // two descriptors a level

void copy_xattrs(int from, int to, const std::string& path) {
    std::string names(64u << 10, '\0');
    const auto size = ::flistxattr(from, names.data(), names.size());
    if (size < 0) {
        if (errno == ENOTSUP) return;
        throw error::system(errno, "listing the attributes of /{}", path);
    }
    names.resize(static_cast<std::size_t>(size));
    std::string value(64u << 10, '\0');
    for (std::size_t begin = 0; begin < names.size(); begin = names.find('\0', begin) + 1) {
        const char* name = names.data() + begin;
        const std::string_view text = name;
        if (!text.starts_with("user.") && text != "security.capability") continue;
        const auto length = ::fgetxattr(from, name, value.data(), value.size());
        if (length < 0 ||
            (::fsetxattr(to, name, value.data(), static_cast<std::size_t>(length), 0) != 0 && errno != ENOTSUP))
            throw error::system(errno, "copying the attribute {} of /{}", text, path);
    }
}

void copy_content(int from, int to, const std::string& path) {
    if (::ioctl(to, FICLONE, from) == 0) return;
    // Holes stay holes: a small layer may have large ones.
    off_t data = 0;
    while ((data = ::lseek(from, data, SEEK_DATA)) >= 0) {
        const off_t hole = ::lseek(from, data, SEEK_HOLE);
        if (hole < 0) break;
        for (off_t into = data; data < hole;) {
            const auto copied = ::copy_file_range(from, &data, to, &into, static_cast<std::size_t>(hole - data), 0);
            if (copied < 0 && errno == EINTR) continue;
            if (copied < 0) throw error::system(errno, "copying the content of /{}", path);
            if (copied == 0) break;
        }
    }
    struct stat facts{};
    if (errno != ENXIO || ::fstat(from, &facts) != 0 || ::ftruncate(to, facts.st_size) != 0)
        throw error::system(errno, "copying the content of /{}", path);
}

class layer_copy {
  public:
    explicit layer_copy(int root) : root_{root} {}

    void copy_directory(int from, int to, const std::string& path, int depth) {
        if (depth > deepest) throw error(errc::too_large, "/{} is deeper than {} directories", path, deepest);
        const std::vector<std::string> names = io::names_in(from);
        for (const std::string& name : names)
            if (name == opaque_marker)
                for (const std::string& hidden : io::names_in(to)) io::remove_whole(to, hidden);
        for (const std::string& name : names)
            if (name.starts_with(whiteout_prefix) && name != opaque_marker)
                io::remove_whole(to, name.substr(whiteout_prefix.size()));
        for (const std::string& name : names)
            if (!name.starts_with(whiteout_prefix))
                copy_entry(from, to, name, path.empty() ? name : path + "/" + name, depth);

        struct stat facts{};
        if (::fstat(from, &facts) != 0 || ::fchown(to, facts.st_uid, facts.st_gid) != 0 ||
            ::fchmod(to, facts.st_mode & 07777) != 0)
            throw error::system(errno, "setting owner and mode of /{}", path);
        copy_xattrs(from, to, path);
        const timespec times[2] = {facts.st_atim, facts.st_mtim};
        if (::futimens(to, times) != 0) throw error::system(errno, "setting the times of /{}", path);
    }

  private:
    void copy_entry(int from, int to, const std::string& name, const std::string& path, int depth) {
        struct stat facts{};
        if (::fstatat(from, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
            throw error::system(errno, "looking at /{}", path);
        if (S_ISDIR(facts.st_mode)) {
            if (::mkdirat(to, name.c_str(), 0700) != 0 && errno != EEXIST)
                throw error::system(errno, "making the directory /{}", path);
            io::descriptor below = open_directory(to, name);
            if (!below) {
                io::remove_whole(to, name);
                if (::mkdirat(to, name.c_str(), 0700) != 0)
                    throw error::system(errno, "making the directory /{}", path);
                below = open_directory(to, name);
            }
            const io::descriptor source = open_directory(from, name);
            if (!below || !source) throw error::system(errno, "opening the directory /{}", path);
            return copy_directory(source.get(), below.get(), path, depth + 1);
        }
        io::remove_whole(to, name);
        if (facts.st_nlink > 1 && link_to_copied(to, name, facts.st_ino)) return;
        if (S_ISREG(facts.st_mode))
            copy_file(from, to, name, path, facts);
        else
            copy_special(from, to, name, path, facts);
        if (facts.st_nlink > 1) copied_.emplace(facts.st_ino, path);
    }

    static io::descriptor open_directory(int parent, const std::string& name) {
        return io::open_beneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, io::links::refused);
    }

    bool link_to_copied(int to, const std::string& name, ino_t inode) const {
        const auto at = copied_.find(inode);
        if (at == copied_.end()) return false;
        // Every directory on that path was opened as one while this layer was copied.
        if (::linkat(root_, at->second.c_str(), to, name.c_str(), 0) != 0)
            throw error::system(errno, "linking {} to /{}", name, at->second);
        return true;
    }

    static void copy_file(int from, int to, const std::string& name, const std::string& path,
                          const struct stat& facts) {
        const io::descriptor source = io::open_beneath(from, name, O_RDONLY | O_NOFOLLOW, io::links::refused);
        const io::descriptor copy{
            ::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!source || !copy) throw error::system(errno, "copying /{}", path);
        copy_content(source.get(), copy.get(), path);
        // In this order: a change of owner drops set-id bits and capabilities.
        if (::fchown(copy.get(), facts.st_uid, facts.st_gid) != 0 || ::fchmod(copy.get(), facts.st_mode & 07777) != 0)
            throw error::system(errno, "setting owner and mode of /{}", path);
        copy_xattrs(source.get(), copy.get(), path);
        const timespec times[2] = {facts.st_atim, facts.st_mtim};
        if (::futimens(copy.get(), times) != 0) throw error::system(errno, "setting the times of /{}", path);
    }

    static void copy_special(int from, int to, const std::string& name, const std::string& path,
                             const struct stat& facts) {
        if (S_ISLNK(facts.st_mode)) {
            std::string target(static_cast<std::size_t>(facts.st_size) + 1, '\0');
            const auto size = ::readlinkat(from, name.c_str(), target.data(), target.size());
            if (size < 0) throw error::system(errno, "reading the link /{}", path);
            target.resize(static_cast<std::size_t>(size));
            if (::symlinkat(target.c_str(), to, name.c_str()) != 0)
                throw error::system(errno, "making the link /{}", path);
        } else if (::mknodat(to, name.c_str(), (facts.st_mode & S_IFMT) | 0600, facts.st_rdev) != 0) {
            throw error::system(errno, "making the special file /{}", path);
        }
        if (::fchownat(to, name.c_str(), facts.st_uid, facts.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISLNK(facts.st_mode) && ::fchmodat(to, name.c_str(), facts.st_mode & 07777, AT_SYMLINK_NOFOLLOW) != 0))
            throw error::system(errno, "setting owner and mode of /{}", path);
        const timespec times[2] = {facts.st_atim, facts.st_mtim};
        if (::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
            throw error::system(errno, "setting the times of /{}", path);
    }

    int root_;
    std::unordered_map<ino_t, std::string> copied_; // files with several names: where their first copy is
};

} // namespace

void apply_layer(int layer, int root) {
    layer_copy{root}.copy_directory(layer, root, "", 0);
}

} // namespace davit
