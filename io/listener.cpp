#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "io/resolve.h"
#include "io/socket.h"

namespace davit::io {

namespace {

using namespace std::chrono_literals;

constexpr unsigned accepts_in_a_row = 16;
constexpr int backlog = 1024; // the kernel cuts it at net.core.somaxconn

/// A peer across the network that is gone is noticed on a connection on which nothing is said, within minutes: the
/// kernel's own hours of waiting would keep an attached client's connection all day.
constexpr int seconds_to_first_probe = 15;
constexpr int seconds_between_probes = 15;

descriptor make_unix_socket() {
    descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made) throw error::system(errno, "making a socket");
    return made;
}

void set_option(int fd, int level, int name, int value) noexcept {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

void prepare_tcp(int fd) noexcept {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds_to_first_probe);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds_between_probes);
}

/// What there is at `path`, as a descriptor that can't read or write it and that no link has led to.
descriptor open_path_itself(const std::string& path) {
    return descriptor{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
}

struct stat status_of(const descriptor& fd, const std::string& path) {
    struct stat about{};
    if (::fstat(fd.get(), &about) != 0) throw error::system(errno, "looking at {}", path);
    return about;
}

/// Removes a socket that nobody listens on. What is no socket stays: a link may have been planted.
void remove_stale_socket(const std::string& path, const socket_address& address) {
    const descriptor there = open_path_itself(path);
    if (!there) {
        if (errno == ENOENT) return;
        throw error::system(errno, "looking at {}", path);
    }
    if (!S_ISSOCK(status_of(there, path).st_mode))
        throw error(errc::conflict, "{} exists and is no socket; remove it or choose another path", path);
    const descriptor probe = make_unix_socket();
    if (::connect(probe.get(), address.native(), address.native_length()) == 0 || errno == EAGAIN)
        throw error(errc::conflict, "another process listens on {}; stop it or choose another path", path);
    if (errno != ECONNREFUSED && errno != ENOENT) throw error::system(errno, "trying the socket {}", path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        throw error::system(errno, "removing the stale socket {}", path);
}

struct bound_path {
    descriptor socket;
    dev_t device;
    ino_t inode;
};

bound_path bind_path(const std::string& path, mode_t mode, std::optional<gid_t> group) {
    const socket_address address = socket_address::from_path(path);
    remove_stale_socket(path, address);
    descriptor socket = make_unix_socket();
    // bind(2) gives the new name the socket's own mode less the umask: with none, nobody can connect before the right
    // mode and group are set, and nobody at all before listen(2).
    if (::fchmod(socket.get(), 0) != 0) throw error::system(errno, "setting the mode of the socket for {}", path);
    if (::bind(socket.get(), address.native(), address.native_length()) != 0)
        throw error::system(errno, "binding the socket {}", path);
    const descriptor there = open_path_itself(path);
    if (!there) throw error::system(errno, "looking at the socket {}", path);
    const struct stat about = status_of(there, path);
    if (!S_ISSOCK(about.st_mode)) throw error(errc::conflict, "{} was replaced while it was being made", path);
    if (group && ::fchownat(there.get(), "", static_cast<uid_t>(-1), *group, AT_EMPTY_PATH) != 0)
        throw error::system(errno, "giving the socket {} to group {}", path, *group);
    if (::chmod(fmt::format("/proc/self/fd/{}", there.get()).c_str(), mode) != 0)
        throw error::system(errno, "setting the mode of the socket {}", path);
    if (::listen(socket.get(), backlog) != 0) throw error::system(errno, "listening on {}", path);
    return {std::move(socket), about.st_dev, about.st_ino};
}

} // namespace

listener::listener(descriptor listening) : socket_{std::move(listening)}, address_{local_address(socket_.fd())} {}

listener::~listener() {
    if (owned_path_.empty()) return;
    struct stat about{};
    if (::lstat(owned_path_.c_str(), &about) == 0 && about.st_dev == owned_device_ && about.st_ino == owned_inode_)
        ::unlink(owned_path_.c_str());
}

task<accepted> listener::accept() {
    // A flood of connections must not keep the loop for itself.
    if (++accepted_in_a_row_ >= accepts_in_a_row) {
        accepted_in_a_row_ = 0;
        co_await socket_.readable();
    }
    for (;;) {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        descriptor got{
            ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (got) {
            if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) prepare_tcp(got.get());
            co_return accepted{std::make_unique<fd_stream>(std::move(got)),
                               {reinterpret_cast<const sockaddr*>(&peer), length}};
        }
        switch (errno) {
        case EAGAIN:
            co_await socket_.readable();
            break;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            // The connection stays in the kernel's queue; readiness would be told again at once.
            co_await sleep_for(100ms);
            break;
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP:
            throw error::system(errno, "accepting connections on {}", address_.to_string());
        default: // an error of the connection that was to come, accept(2)
            break;
        }
    }
}

task<listener_ptr> listen_unix(std::string path, mode_t mode, std::optional<gid_t> group) {
    bound_path bound = co_await offload([&] { return bind_path(path, mode, group); });
    auto made = std::make_unique<listener>(std::move(bound.socket));
    made->owned_path_ = std::move(path);
    made->owned_device_ = bound.device;
    made->owned_inode_ = bound.inode;
    co_return made;
}

task<listener_ptr> listen_tcp(std::string host, std::uint16_t port) {
    const auto addresses = co_await resolve(host, port);
    int failed = 0;
    for (const socket_address& address : addresses) {
        // A family that the kernel does not have is one more address that can't be bound.
        descriptor socket{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        if (socket) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (socket && ::bind(socket.get(), address.native(), address.native_length()) == 0 &&
            ::listen(socket.get(), backlog) == 0)
            co_return std::make_unique<listener>(std::move(socket));
        if (failed == 0) failed = errno;
    }
    if (failed == EADDRINUSE)
        throw error(errc::conflict, "another process listens on {}:{}; stop it or choose another port", host, port);
    throw error::system(failed, "listening on {}:{}", host, port);
}

} // namespace davit::io
