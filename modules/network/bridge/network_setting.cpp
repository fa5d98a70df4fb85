#include "modules/network/bridge/network_setting.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "io/descriptor.h"

namespace davit {

bool write_network_setting(const std::string& name, std::string_view value) {
    const std::string path = "/proc/sys/net/" + name;
    const io::descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file && errno == ENOENT) return false;
    if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        throw error::system(errno, "writing \"{}\" to {}", value, path);
    return true;
}

} // namespace davit
