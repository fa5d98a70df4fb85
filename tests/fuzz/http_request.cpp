// What a client sends, cut at the places that the input's first bytes say: no crash, and the same events for each cut.
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/http_events.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (!davit::io::has_same_events_when_cut(davit::io::http_parser::kind::request, data, size)) std::abort();
    return 0;
}
