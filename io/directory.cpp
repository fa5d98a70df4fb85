#include "io/directory.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <string_view>
#include <sys/ioctl.h>

#include "core/error.h"
#include "io/descriptor.h"

namespace davit::io {

std::vector<std::string> names_in(int directory) {
    descriptor again{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const std::unique_ptr<DIR, int (*)(DIR*)> listing{again ? ::fdopendir(again.get()) : nullptr, &::closedir};
    if (!listing) throw error::system(errno, "listing a directory");
    again.release();
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(listing.get());
        if (!entry) break;
        if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) throw error::system(errno, "listing a directory");
    return names;
}

void spread_children(int directory) noexcept {
    int flags = 0;
    if (::ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
    flags |= FS_TOPDIR_FL;
    ::ioctl(directory, FS_IOC_SETFLAGS, &flags);
}

} // namespace davit::io
