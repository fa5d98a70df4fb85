// What a client sends, cut at the places that the input's first bytes say: no crash, and the same events for each cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/http_events.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view input{reinterpret_cast<const char*>(data + 1), size - 1};
    const auto kind = davit::io::http_parser::kind::request;
    const std::string whole = davit::io::events_of(kind, input, input.size() + 1);
    const std::string cut = davit::io::events_of(kind, input, 1 + data[0] % 32);
    if (whole != cut) std::abort();
    return 0;
}
