#include "io/beneath.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"

namespace davit::io {
namespace {

// The directories above the data root are the host's: made as mkdir -p makes them.
void make_parents(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST)
            throw error::system(errno, "making the directory {}", parent);
    }
}

} // namespace

descriptor open_beneath(int directory, const std::string& path, int flags, links treat, mode_t mode) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV |
                  (treat == links::refused ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : RESOLVE_IN_ROOT);
    // EAGAIN: a rename anywhere on the host may have let ".." go wrong; openat2(2) says to try again.
    for (int attempt = 0;; ++attempt) {
        const long opened = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how));
        if (opened >= 0) return descriptor{static_cast<int>(opened)};
        if (errno != EAGAIN || attempt == 100) return {};
    }
}

descriptor open_private_directory(int parent, const std::string& name, mode_t mode) {
    if (parent == AT_FDCWD) make_parents(name);
    const bool is_new = ::mkdirat(parent, name.c_str(), mode) == 0;
    if (!is_new && errno != EEXIST) throw error::system(errno, "making the directory {}", name);
    const int follow = parent == AT_FDCWD ? 0 : O_NOFOLLOW;
    descriptor opened{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow)};
    if (!opened) throw error::system(errno, "opening the directory {}", name);
    struct stat facts{};
    if (::fstat(opened.get(), &facts) != 0) throw error::system(errno, "looking at the directory {}", name);
    if (facts.st_uid != ::geteuid())
        throw error(errc::denied, "the directory {} belongs to uid {}; it must be the engine's own", name,
                    facts.st_uid);
    if ((facts.st_mode & 07777) != mode && ::fchmod(opened.get(), mode) != 0)
        throw error::system(errno, "setting the mode of the directory {}", name);
    return opened;
}

} // namespace davit::io
