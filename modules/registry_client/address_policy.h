#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/ip_address.h"
#include "io/socket_address.h"

namespace davit {

/// How near an address is to this host.
enum class address_reach : std::uint8_t {
    open,       ///< Anywhere
    internal,   ///< Private networks (RFC 1918, RFC 4193, RFC 6598)
    link_local, ///< 169.254.0.0/16, fe80::/10: where clouds keep their secrets
    loopback,
    none, ///< Unspecified, multicast, broadcast: nothing to connect to
};

address_reach reach_of(const io::socket_address& address);

/// Whether a registry at an address of `registry`'s reach may send the engine to one of `target`'s: nobody outside may
/// make it talk to the inside (CVE-2026-48978). What is on this host may name its own network.
bool may_lead_to(address_reach registry, address_reach target) noexcept;

/// The registries that the user says need no verified TLS: "host", "host:port", "192.168.0.0/16".
class insecure_registries {
  public:
    explicit insecure_registries(const std::vector<std::string>& told);

    /// By the name as it was asked for, or by the address that was dialled.
    bool contains(std::string_view host, std::uint16_t port, const io::socket_address& dialled) const;

  private:
    std::vector<std::string> names_;
    std::vector<io::ipv4_network> networks_;
};

} // namespace davit
