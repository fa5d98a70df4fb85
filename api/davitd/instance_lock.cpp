#include "api/davitd/instance_lock.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace davit::api {

namespace {

io::descriptor lock_file(const std::string& path, std::string_view purpose) {
    io::descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file) throw error::system(errno, "opening {}", path);
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
        throw error(errc::conflict, "{} is not a regular file", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
    if (errno != EWOULDBLOCK) throw error::system(errno, "locking {}", path);
    throw error(errc::conflict, "another davitd uses {} {}; stop it, or give this one another", purpose, path);
}

} // namespace

void make_private_directory(const std::string& path, mode_t mode, std::optional<gid_t> group) {
    const auto parent = std::filesystem::path{path}.parent_path();
    std::error_code failed;
    if (!parent.empty()) std::filesystem::create_directories(parent, failed);
    if (failed) throw error::system(failed.value(), "making the directory {}", parent.string());
    // Made without any right for others, so that there is no moment in which it is open to them.
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        throw error::system(errno, "making the directory {}", path);
    const io::descriptor directory{::open(path.c_str(), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!directory) throw error::system(errno, "opening the directory {}", path);
    if (group && ::fchown(directory.get(), static_cast<uid_t>(-1), *group) != 0)
        throw error::system(errno, "giving {} to its group", path);
    if (::fchmod(directory.get(), mode) != 0) throw error::system(errno, "setting the mode of {}", path);
}

instance_lock::instance_lock(const std::string& data_root, const std::string& exec_root, std::string pid_file)
    : data_root_{lock_file(data_root + "/davitd.lock", "the data root, by its lock")},
      exec_root_{lock_file(exec_root + "/shim.lock", "the exec root, by its lock")},
      pid_{lock_file(pid_file, "the pid file")},
      pid_file_{std::move(pid_file)} {
    const auto text = fmt::format("{}\n", ::getpid());
    if (::ftruncate(pid_.get(), 0) != 0 || ::pwrite(pid_.get(), text.data(), text.size(), 0) < 0)
        throw error::system(errno, "writing {}", pid_file_);
    ::fchmod(pid_.get(), 0644);
}

instance_lock::~instance_lock() {
    ::unlink(pid_file_.c_str());
}

} // namespace davit::api
