#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "io/tar_parser.h"

// Whatever comes, a parser ends every entry that it began but the last, gives each file no more than its size, and
// finds the same in one piece as in many.
namespace {

using namespace davit;

class checker final : public io::tar_receiver {
  public:
    void begin_entry(const io::tar_entry& entry) override {
        if (is_open) std::abort();
        is_open = true;
        left = entry.size;
        if (entry.path.find('\0') != std::string::npos || entry.mode > 07777) std::abort();
        trace = trace * 31 + entry.path.size() + entry.size;
    }
    void content(std::span<const std::byte> piece) override {
        if (!is_open || piece.empty() || piece.size() > left) std::abort();
        left -= piece.size();
    }
    void hole(std::uint64_t bytes) override {
        if (!is_open || bytes == 0 || bytes > left) std::abort();
        left -= bytes;
        trace = trace * 31 + bytes;
    }
    void end_entry() override {
        if (!is_open || left != 0) std::abort();
        is_open = false;
        ++trace;
    }

    bool is_open = false;
    std::uint64_t left = 0;
    std::uint64_t trace = 0;
};

std::uint64_t trace_of(std::span<const std::byte> bytes, std::size_t piece) {
    checker found;
    io::tar_parser parser{found};
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            parser.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
        parser.finish();
    } catch (const error&) {
        return ~found.trace;
    }
    return found.trace;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span{data, size});
    if (trace_of(bytes, size + 1) != trace_of(bytes, 97)) std::abort();
    return 0;
}
