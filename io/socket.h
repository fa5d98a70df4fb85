#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "core/task.h"
#include "io/descriptor.h"
#include "io/fd_stream.h"
#include "io/poll.h"
#include "io/socket_address.h"

namespace davit::io {

struct accepted {
    std::unique_ptr<fd_stream> connection;
    socket_address peer;
};

/// A listening socket. The listener of a unix path unlinks the path when it ends, if it is still its own.
class listener {
  public:
    /// Takes a socket that listens already (socket activation).
    explicit listener(descriptor listening);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener();

    /// The next connection, close-on-exec; TCP ones with TCP_NODELAY and keep-alive probes. Connections that died in
    /// the queue are skipped; when descriptors run out (EMFILE, ENFILE) it pauses and tries again.
    task<accepted> accept();

    /// Where it is bound: the port that the kernel chose, when 0 was asked for.
    const socket_address& address() const noexcept { return address_; }

  private:
    friend task<std::unique_ptr<listener>> listen_unix(std::string, mode_t, std::optional<gid_t>);

    pollable socket_;
    socket_address address_;
    unsigned accepted_in_a_row_ = 0;
    std::string owned_path_;
    std::uint64_t owned_device_ = 0;
    std::uint64_t owned_inode_ = 0;
};

using listener_ptr = std::unique_ptr<listener>;

/// Listens on a unix path. The socket has its final mode and group before it can be connected to, whatever the umask.
/// A socket at the path that nobody listens on is replaced; anything else there (a file, a link) is left alone.
/// Errors: conflict (somebody listens there, or it is no socket), those of the system calls.
task<listener_ptr> listen_unix(std::string path, mode_t mode, std::optional<gid_t> group = std::nullopt);

/// Listens on the first address of `host` that can be bound. Port 0 lets the kernel choose.
/// Errors: unavailable (no such name), conflict (address in use), denied.
task<listener_ptr> listen_tcp(std::string host, std::uint16_t port);

/// Errors: not_found (no socket there), unavailable (nobody listens), denied.
task<std::unique_ptr<fd_stream>> connect_unix(std::string path);

/// What was dialled: judge loopback by `address`, not by the name that led to it.
struct dialled {
    std::unique_ptr<fd_stream> connection;
    socket_address address;
};

/// Resolves `host` (a name or a literal) on a worker and tries its addresses, families alternating; the next one is
/// begun when one has failed or has not answered within 250 ms (RFC 8305). Errors: unavailable, naming each address.
task<dialled> connect_tcp(std::string host, std::uint16_t port);

/// Who is at the other end of a unix socket, as of its connect (SO_PEERCRED).
struct peer_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};
peer_credentials credentials_of_peer(int unix_socket);

/// Two connected unix stream sockets, close-on-exec.
struct socket_pair {
    descriptor first;
    descriptor second;
};
socket_pair make_socket_pair();

} // namespace davit::io
