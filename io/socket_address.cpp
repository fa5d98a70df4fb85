#include "io/socket_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

#include "core/error.h"

namespace davit::io {

namespace {

/// The address in host byte order as its family has it. A copy, because the storage may hold another family.
template <class Address> Address as(const sockaddr* address) noexcept {
    Address copy{};
    std::memcpy(&copy, address, sizeof copy);
    return copy;
}

} // namespace

socket_address::socket_address(const sockaddr* address, socklen_t length) noexcept
    : length_{std::min<socklen_t>(length, sizeof storage_)} {
    std::memcpy(&storage_, address, length_);
}

socket_address socket_address::from_literal(std::string_view host, std::uint16_t port) {
    const std::string text{host};
    sockaddr_in v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
    }
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
    }
    throw error(errc::invalid, "\"{}\" is no IP address", text);
}

socket_address socket_address::from_path(std::string_view path) {
    sockaddr_un un{};
    if (path.empty() || path.size() >= sizeof un.sun_path || path.find('\0') != path.npos)
        throw error(errc::invalid, "the socket path \"{}\" must have 1 to {} bytes", path, sizeof un.sun_path - 1);
    un.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), un.sun_path);
    return {reinterpret_cast<const sockaddr*>(&un),
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1)};
}

bool socket_address::is_literal(std::string_view host) noexcept {
    // The longest literal has 45 characters.
    std::array<char, 64> text{};
    if (host.size() >= text.size()) return false;
    std::copy(host.begin(), host.end(), text.begin());
    std::array<std::byte, 16> ignored{};
    return ::inet_pton(AF_INET, text.data(), ignored.data()) == 1 ||
           ::inet_pton(AF_INET6, text.data(), ignored.data()) == 1;
}

bool socket_address::is_loopback() const noexcept {
    if (family() == AF_INET) return ntohl(as<sockaddr_in>(native()).sin_addr.s_addr) >> 24 == 127;
    if (family() != AF_INET6) return false;
    const in6_addr address = as<sockaddr_in6>(native()).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address)) return address.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&address);
}

std::uint16_t socket_address::port() const noexcept {
    if (family() == AF_INET) return ntohs(as<sockaddr_in>(native()).sin_port);
    if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(native()).sin6_port);
    return 0;
}

std::string socket_address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family() == AF_INET) {
        const auto address = as<sockaddr_in>(native()).sin_addr;
        return ::inet_ntop(AF_INET, &address, text.data(), text.size());
    }
    if (family() == AF_INET6) {
        const auto address = as<sockaddr_in6>(native()).sin6_addr;
        return ::inet_ntop(AF_INET6, &address, text.data(), text.size());
    }
    if (family() == AF_UNIX && length_ > offsetof(sockaddr_un, sun_path)) {
        const auto address = as<sockaddr_un>(native());
        return {address.sun_path, ::strnlen(address.sun_path, length_ - offsetof(sockaddr_un, sun_path))};
    }
    return {};
}

std::string socket_address::to_string() const {
    if (family() == AF_INET) return fmt::format("{}:{}", host(), port());
    if (family() == AF_INET6) return fmt::format("[{}]:{}", host(), port());
    if (family() == AF_UNIX) return "unix:" + host();
    return "no address";
}

socket_address local_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
        throw error::system(errno, "asking where a socket is bound");
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

socket_address peer_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
        throw error::system(errno, "asking whom a socket is connected to");
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

} // namespace davit::io
