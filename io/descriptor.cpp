#include "io/descriptor.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"

namespace davit::io {

void descriptor::close() noexcept {
    // Linux closes the descriptor whatever close(2) answers; EINTR and EIO must not be retried.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        throw error::system(errno, "making descriptor {} non-blocking", fd);
}

} // namespace davit::io
