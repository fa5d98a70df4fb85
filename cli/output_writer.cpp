#include "cli/output_writer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>

#include "cli/command.h"

namespace davit::cli {

namespace {

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EAGAIN) { // another program has made the shared terminal or pipe non-blocking
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
            continue;
        }
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EPIPE) throw exit_error(128 + SIGPIPE, "");
        if (written < 0) throw error::system(errno, "writing the container's output");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

void output_writer::write_payload(std::string_view bytes) {
    const bool is_error = from_ == 2;
    if (is_error ? wants_.standard_error : wants_.standard_output) write_all(is_error ? 2 : 1, bytes);
}

void output_writer::write(std::string_view bytes) {
    if (wants_.is_tty) {
        write_all(1, bytes);
        return;
    }
    while (!bytes.empty()) {
        if (left_ > 0) {
            const std::size_t step = std::min(left_, bytes.size());
            write_payload(bytes.substr(0, step));
            bytes.remove_prefix(step);
            left_ -= step;
            continue;
        }
        const std::size_t step = std::min<std::size_t>(8 - head_.size(), bytes.size());
        head_ += bytes.substr(0, step);
        bytes.remove_prefix(step);
        if (head_.size() < 8) return;
        from_ = static_cast<unsigned char>(head_[0]);
        for (std::size_t i = 4; i < 8; ++i) left_ = (left_ << 8) | static_cast<unsigned char>(head_[i]);
        head_.clear();
    }
}

} // namespace davit::cli
