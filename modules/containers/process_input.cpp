#include "modules/containers/process_input.h"

#include <cerrno>
#include <unistd.h>
#include <utility>

#include "core/error.h"

namespace davit {

void process_input::open(std::shared_ptr<io::pollable> into) noexcept {
    into_ = std::move(into);
}

void process_input::close() noexcept {
    into_.reset();
}

task<void> process_input::write(std::string bytes) {
    const auto turn = co_await turn_.acquire();
    std::size_t written = 0;
    while (written < bytes.size()) {
        // Held by value: the way may be closed while this waits.
        const std::shared_ptr<io::pollable> into = into_;
        if (!into) throw error(errc::unavailable, "the container's standard input is closed");
        const ssize_t count = ::write(into->fd(), bytes.data() + written, bytes.size() - written);
        if (count >= 0) {
            written += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            co_await into->writable();
        } else if (errno != EINTR) {
            throw error(errc::unavailable, "the container's process has closed its standard input");
        }
    }
}

} // namespace davit
