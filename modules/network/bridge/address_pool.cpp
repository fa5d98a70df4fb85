#include "modules/network/bridge/address_pool.h"

#include <algorithm>

namespace davit {

address_pool::address_pool(io::ipv4_network gateway_in_subnet)
    : subnet_{gateway_in_subnet.whole()},
      gateway_{gateway_in_subnet.address},
      next_fresh_{std::uint64_t{subnet_.first().value} + 1} {}

bool address_pool::is_in_pool(io::ipv4_address address) const noexcept {
    return subnet_.first() < address && address < subnet_.last() && address != gateway_;
}

std::optional<io::ipv4_address> address_pool::allocate() {
    for (; next_fresh_ < subnet_.last().value; ++next_fresh_) {
        const io::ipv4_address fresh{static_cast<std::uint32_t>(next_fresh_)};
        if (!is_in_pool(fresh) || is_in_use(fresh)) continue;
        ++next_fresh_;
        used_.insert(fresh.value);
        return fresh;
    }
    if (released_.empty()) return std::nullopt;
    const io::ipv4_address oldest{released_.front()};
    released_.pop_front();
    used_.insert(oldest.value);
    return oldest;
}

bool address_pool::reserve(io::ipv4_address address) {
    if (!is_in_pool(address) || !used_.insert(address.value).second) return false;
    if (const auto at = std::find(released_.begin(), released_.end(), address.value); at != released_.end())
        released_.erase(at);
    return true;
}

void address_pool::release(io::ipv4_address address) {
    // One that the fresh ones have not come to yet will be found there.
    if (used_.erase(address.value) != 0 && address.value < next_fresh_) released_.push_back(address.value);
}

} // namespace davit
