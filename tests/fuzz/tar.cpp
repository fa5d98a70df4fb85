// Any bytes as a tar archive, in pieces that the first byte chooses: it is read or refused; what was read is within the
// limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "io/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = data[0] < 128 ? 512 : 1 + data[0];
    std::span<const std::byte> input = std::as_bytes(std::span{data + 1, size - 1});
    const auto source = [&](std::span<std::byte> room) {
        const auto part = input.first(std::min({piece, room.size(), input.size()}));
        std::ranges::copy(part, room.begin());
        input = input.subspan(part.size());
        return part.size();
    };
    constexpr std::uint64_t most = 1 << 20;
    try {
        davit::io::tar_reader reader{source, {.entries = 100, .total_bytes = most}};
        while (const auto* entry = reader.next()) {
            if (entry->path.empty() || entry->path.size() > 4096 || entry->size > most) std::abort();
            std::uint64_t end = 0;
            while (const auto block = reader.next_block()) {
                if (block->offset < end || block->offset + block->bytes.size() > entry->size) std::abort();
                end = block->offset + block->bytes.size();
            }
        }
    } catch (const davit::error& refused) {
        if (refused.category() != davit::errc::invalid && refused.category() != davit::errc::too_large) std::abort();
    }
    return 0;
}
