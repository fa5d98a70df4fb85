#include "io/resolve.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <utility>

#include "core/error.h"
#include "io/offload.h"

namespace davit::io {

namespace {

std::vector<socket_address> look_up(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found)) {
        throw error(errc::unavailable, "looking up the host name {}: {}", host,
                    failed == EAI_SYSTEM ? error::system(errno, "asking for it").text() : ::gai_strerror(failed));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
    std::vector<socket_address> first_family, other_family;
    for (const addrinfo* a = found; a; a = a->ai_next) {
        auto& list = a->ai_family == found->ai_family ? first_family : other_family;
        list.emplace_back(a->ai_addr, a->ai_addrlen);
    }
    std::vector<socket_address> all;
    for (std::size_t i = 0; i < std::max(first_family.size(), other_family.size()); ++i) {
        if (i < first_family.size()) all.push_back(first_family[i]);
        if (i < other_family.size()) all.push_back(other_family[i]);
    }
    return all;
}

} // namespace

task<std::vector<socket_address>> resolve(std::string host, std::uint16_t port) {
    if (socket_address::is_literal(host)) co_return std::vector{socket_address::from_literal(host, port)};
    if (host.empty() || host.find('\0') != host.npos) throw error(errc::invalid, "\"{}\" is no host name", host);
    co_return co_await offload([&] { return look_up(host, port); });
}

} // namespace davit::io
