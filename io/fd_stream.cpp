#include "io/fd_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"

namespace davit::io {

namespace {

bool is_socket(int fd) noexcept {
    struct stat about{};
    return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

/// Whether readiness can be awaited: epoll refuses files and devices like /dev/null, which never make one wait.
bool can_wait(int fd) noexcept {
    struct stat about{};
    return ::fstat(fd, &about) == 0 && (S_ISSOCK(about.st_mode) || S_ISFIFO(about.st_mode) || ::isatty(fd) == 1);
}

constexpr unsigned calls_in_a_row = 32;

/// Parts of what is to be written, as the kernel takes them: at most this many in one call.
constexpr std::size_t parts_a_call = 8;

} // namespace

fd_stream::fd_stream(descriptor both_ways) : is_both_ways_{true}, is_socket_{is_socket(both_ways.get())} {
    reader_.emplace(std::move(both_ways));
}

fd_stream::fd_stream(descriptor reads, descriptor writes)
    : is_both_ways_{false}, is_socket_{writes && is_socket(writes.get())} {
    if (reads) reader_.emplace(std::move(reads));
    if (writes) writer_.emplace(std::move(writes));
}

task<std::size_t> fd_stream::read(bytes into) {
    if (!reader_) throw error(errc::internal, "reading a stream that has no reading side");
    if (++reads_in_a_row_ >= calls_in_a_row) {
        reads_in_a_row_ = 0;
        if (can_wait(reader_->fd())) co_await reader_->readable();
    }
    for (;;) {
        const ssize_t got = ::read(reader_->fd(), into.data(), into.size());
        if (got >= 0) co_return static_cast<std::size_t>(got);
        if (errno == EINTR) continue;
        if (errno == EIO) co_return 0; // a pty whose other end was closed
        if (errno == ECONNRESET) throw error(errc::unavailable, "the peer has broken off the connection");
        if (errno != EAGAIN) throw error::system(errno, "reading descriptor {}", reader_->fd());
        reads_in_a_row_ = 0;
        co_await reader_->readable();
    }
}

task<void> fd_stream::write(const_bytes from) {
    co_await write_parts({&from, 1});
}

task<void> fd_stream::write_parts(std::span<const const_bytes> parts) {
    if (!is_both_ways_ && !writer_) throw error(errc::unavailable, "the stream's writing side was closed");
    pollable& to = is_both_ways_ ? *reader_ : *writer_;
    if (++writes_in_a_row_ >= calls_in_a_row) {
        writes_in_a_row_ = 0;
        if (can_wait(to.fd())) co_await to.writable();
    }
    std::size_t part = 0;
    std::size_t offset = 0; // in that part
    for (;;) {
        std::array<iovec, parts_a_call> vector;
        std::size_t count = 0;
        for (std::size_t i = part, skip = offset; i < parts.size() && count < vector.size(); ++i, skip = 0) {
            const const_bytes rest = parts[i].subspan(skip);
            // writev(2) reads what iov_base names; only its type says otherwise.
            if (!rest.empty()) vector[count++] = {const_cast<std::byte*>(rest.data()), rest.size()};
        }
        if (count == 0) co_return;
        ssize_t put = 0;
        if (is_socket_) {
            msghdr message{};
            message.msg_iov = vector.data();
            message.msg_iovlen = count;
            put = ::sendmsg(to.fd(), &message, MSG_NOSIGNAL);
        } else {
            put = ::writev(to.fd(), vector.data(), static_cast<int>(count));
        }
        if (put < 0) {
            if (errno == EINTR) continue;
            if (errno == EPIPE || errno == ECONNRESET || errno == EIO)
                throw error(errc::unavailable, "the peer has broken off the connection");
            if (errno != EAGAIN) throw error::system(errno, "writing to descriptor {}", to.fd());
            writes_in_a_row_ = 0;
            co_await to.writable();
            continue;
        }
        for (auto left = static_cast<std::size_t>(put); left > 0;) {
            const std::size_t here = std::min(left, parts[part].size() - offset);
            left -= here;
            offset += here;
            if (offset == parts[part].size()) {
                ++part;
                offset = 0;
            }
        }
    }
}

task<void> fd_stream::shutdown_write() {
    if (!is_both_ways_) {
        writer_.reset();
    } else if (is_socket_ && ::shutdown(reader_->fd(), SHUT_WR) != 0 && errno != ENOTCONN) {
        throw error::system(errno, "ending the writing side of descriptor {}", reader_->fd());
    }
    co_return;
}

bool fd_stream::has_lost_peer() const noexcept {
    pollfd asked{fd(), 0, 0}; // errors and hang-ups are told without being asked for
    return is_socket_ && ::poll(&asked, 1, 0) == 1 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

} // namespace davit::io
