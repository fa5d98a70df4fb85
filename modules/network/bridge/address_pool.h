#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>

#include "io/ip_address.h"

namespace davit {

/// The addresses of one subnet that containers may have: all but the network's own, the broadcast and the gateway.
/// An address that was given back is given out again only when no other is left, the one longest unused first, so that
/// what still travels towards a container that has gone seldom meets another. Memory grows with the addresses used.
class address_pool {
  public:
    explicit address_pool(io::ipv4_network gateway_in_subnet);

    /// Nothing when all are in use.
    std::optional<io::ipv4_address> allocate();
    /// Takes a given address. False when it is in use or not in the pool.
    bool reserve(io::ipv4_address address);
    /// No effect on an address that is not in use.
    void release(io::ipv4_address address);

    bool is_in_use(io::ipv4_address address) const { return used_.contains(address.value); }
    std::size_t in_use() const noexcept { return used_.size(); }

  private:
    bool is_in_pool(io::ipv4_address address) const noexcept;

    io::ipv4_network subnet_;
    io::ipv4_address gateway_;
    std::uint64_t next_fresh_; // Addresses from here on were never given out, except those reserved; past last(): none
    std::unordered_set<std::uint32_t> used_;
    std::deque<std::uint32_t> released_;
};

} // namespace davit
