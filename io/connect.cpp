#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/event.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/resolve.h"
#include "io/socket.h"

namespace davit::io {

namespace {

using namespace std::chrono_literals;

/// How long an address may stay silent before the next one is tried beside it (RFC 8305 §5).
constexpr auto next_attempt_after = 250ms;

/// The errno with which a connect that was under way has ended.
int connect_result(int fd) noexcept {
    int failed = 0;
    socklen_t size = sizeof failed;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 ? failed : errno;
}

task<descriptor> connect_to(socket_address address) {
    descriptor socket{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) throw error::system(errno, "making a socket");
    const int fd = socket.get();
    while (::connect(fd, address.native(), address.native_length()) != 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            // Of a unix socket: the listener's queue is full, and no readiness will be told (connect(2)).
            co_await sleep_for(5ms);
            continue;
        }
        if (errno != EINPROGRESS) throw error::system(errno, "connecting to {}", address.to_string());
        // A second name for the same socket, so that the watch can end before the socket moves on.
        descriptor watched{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
        if (!watched) throw error::system(errno, "watching a connection");
        pollable watch{std::move(watched)};
        co_await watch.writable();
        if (const int failed = connect_result(fd)) throw error::system(failed, "connecting to {}", address.to_string());
        break;
    }
    co_return socket;
}

/// The race of several addresses of one host.
struct race {
    descriptor winner;
    socket_address winning_address;
    event changed; // an attempt has ended
    std::size_t running = 0;
    std::string failures;
};

task<void> attempt(race* shared, scope* all, socket_address address) {
    try {
        descriptor made = co_await connect_to(address);
        if (!shared->winner) {
            shared->winner = std::move(made);
            shared->winning_address = address;
        }
        all->cancel();
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        if (!shared->failures.empty()) shared->failures += "; ";
        shared->failures += e.text();
    }
    --shared->running;
    shared->changed.set();
}

task<void> wait_for_a_change(race* shared) {
    shared->changed.reset();
    co_await shared->changed.wait();
}

task<void> wait_for_a_change_or_the_next_attempt(race* shared) {
    try {
        co_await with_timeout(next_attempt_after, "connecting", wait_for_a_change(shared));
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
    }
}

task<void> run_race(race* shared, std::vector<socket_address> addresses) {
    co_await with_scope([&](scope& attempts) -> task<void> {
        for (const socket_address& address : addresses) {
            ++shared->running;
            attempts.spawn(attempt(shared, &attempts, address));
            if (&address != &addresses.back()) co_await wait_for_a_change_or_the_next_attempt(shared);
        }
        while (shared->running > 0) co_await wait_for_a_change(shared);
    });
}

} // namespace

task<std::unique_ptr<fd_stream>> connect_unix(std::string path) {
    co_return std::make_unique<fd_stream>(co_await connect_to(socket_address::from_path(path)));
}

task<dialled> connect_tcp(std::string host, std::uint16_t port) {
    auto addresses = co_await resolve(host, port);
    race shared;
    co_await run_race(&shared, std::move(addresses));
    if (!shared.winner) throw error(errc::unavailable, "no address of {} can be reached: {}", host, shared.failures);
    const int on = 1;
    ::setsockopt(shared.winner.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(shared.winner.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    co_return dialled{std::make_unique<fd_stream>(std::move(shared.winner)), shared.winning_address};
}

peer_credentials credentials_of_peer(int unix_socket) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(unix_socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        throw error::system(errno, "asking who is at the other end of a socket");
    return {who.pid, who.uid, who.gid};
}

socket_pair make_socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw error::system(errno, "making a pair of sockets");
    return {descriptor{ends[0]}, descriptor{ends[1]}};
}

} // namespace davit::io
