// Any bytes as a compressed stream, in pieces that the first byte chooses: it ends or is refused, and does not stand
// still.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "io/compression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0] % 64;
    std::span<const std::byte> input = std::as_bytes(std::span{data + 1, size - 1});
    static std::array<std::byte, 4096> room;
    const std::span out = std::span{room}.first(data[0] < 128 ? 1 + data[0] : room.size());
    davit::io::decoder stage{{.expanded_bytes = 1 << 20, .zstd_window_bytes = 1 << 20}};
    try {
        while (true) {
            const auto in = input.first(std::min(piece, input.size()));
            const auto made = stage.step(in, out, in.size() == input.size());
            input = input.subspan(made.consumed);
            if (made.is_done) break;
            if (made.consumed == 0 && made.produced == 0) std::abort();
        }
    } catch (const davit::error&) {
    }
    return 0;
}
