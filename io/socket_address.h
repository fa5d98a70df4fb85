#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace davit::io {

/// The address of one end of a socket: IPv4, IPv6 or a unix path.
class socket_address {
  public:
    /// No address (family AF_UNSPEC).
    socket_address() = default;
    /// From what the kernel or getaddrinfo gave.
    socket_address(const sockaddr* address, socklen_t length) noexcept;

    /// From an IP literal, IPv6 without brackets. Errors: invalid when `host` is no literal.
    static socket_address from_literal(std::string_view host, std::uint16_t port);
    /// Errors: invalid when the path is empty, holds a NUL or has more than 107 bytes (unix(7)).
    static socket_address from_path(std::string_view path);
    static bool is_literal(std::string_view host) noexcept;

    sa_family_t family() const noexcept { return storage_.ss_family; }
    bool is_unix() const noexcept { return family() == AF_UNIX; }
    /// Whether it is in 127.0.0.0/8, ::1 or an IPv4-mapped form of the former. A unix socket is local, not loopback.
    bool is_loopback() const noexcept;
    /// 0 where the family has none.
    std::uint16_t port() const noexcept;
    /// The IP address, without brackets or port; the path of a unix socket (empty when it has no name).
    std::string host() const;
    /// As it is written before a user: 127.0.0.1:80, [::1]:80, unix:/run/x.sock.
    std::string to_string() const;

    const sockaddr* native() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t native_length() const noexcept { return length_; }

  private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

/// Where a socket is bound, and whom it is connected to. Errors: internal with the errno.
socket_address local_address(int fd);
socket_address peer_address(int fd);

} // namespace davit::io
