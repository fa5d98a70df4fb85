#include "modules/logs/json_file/log_files.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/error.h"

namespace davit {

io::descriptor log_files::open_for_writing() const {
    io::descriptor file{::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (!file) throw error::system(errno, "opening the log {}", path_);
    return file;
}

io::descriptor log_files::open_for_reading(std::uint64_t age) const {
    io::descriptor file{::open(name(age).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file && errno != ENOENT) throw error::system(errno, "opening the log {}", name(age));
    return file;
}

void log_files::rotate() const {
    for (std::uint64_t age = most_files_ - 1; age > 0; --age)
        if (::rename(name(age - 1).c_str(), name(age).c_str()) != 0 && errno != ENOENT)
            throw error::system(errno, "rotating the log {}", name(age - 1));
    // With one file there is nowhere to go: what it had is dropped.
    if (most_files_ == 1) ::unlink(path_.c_str());
}

void log_files::unrotate() const {
    for (std::uint64_t age = 0; age + 1 < most_files_; ++age)
        if (::rename(name(age + 1).c_str(), name(age).c_str()) != 0) break;
}

std::uint64_t log_files::count() const {
    struct stat facts{};
    std::uint64_t found = 0;
    while (::lstat(name(found).c_str(), &facts) == 0) ++found;
    return found;
}

std::uint64_t find_tail(int file, std::uint64_t end, std::uint64_t& lines) {
    std::vector<char> block(64u << 10);
    // The newline that ends the last record is not the beginning of another.
    std::uint64_t at = end;
    bool is_last_byte = true;
    while (at > 0 && lines > 0) {
        const std::uint64_t begin = at - std::min<std::uint64_t>(at, block.size());
        const ssize_t got = ::pread(file, block.data(), at - begin, static_cast<off_t>(begin));
        if (got != static_cast<ssize_t>(at - begin)) return 0;
        for (std::size_t i = static_cast<std::size_t>(got); i-- > 0;) {
            if (block[i] == '\n' && !is_last_byte && --lines == 0) return begin + i + 1;
            is_last_byte = false;
        }
        at = begin;
    }
    if (lines > 0 && end > 0) --lines; // the record at the very beginning
    return lines == 0 && end > 0 && at > 0 ? end : 0;
}

} // namespace davit
