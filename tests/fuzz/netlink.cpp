#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/netlink.h"
#include "io/nftables_watch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of exactly this size, so that one byte read too many is seen.
    const std::vector<char> messages(data, data + size);
    davit::io::parse_links(messages);
    davit::io::parse_addresses(messages);
    davit::io::parse_routes(messages);
    davit::io::parse_neighbours(messages);
    davit::io::is_table_damaged(messages, 1, "davit_davit0", false);
    return 0;
}
