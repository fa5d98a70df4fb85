#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "modules/runtime/native/protocol.h"

using namespace davit::shim_protocol;

namespace {

/// What decodes must encode to the same bytes again.
template <class Message> void try_message(std::string_view payload) {
    if (const auto message = decode<Message>(payload))
        if (encode(*message) != payload) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of exactly this size, so that one byte read too many is seen.
    const std::vector<char> copy(data, data + size);
    const std::string_view payload{copy.data(), copy.size()};
    split(payload);
    try_message<hello>(payload);
    try_message<sandbox_template>(payload);
    try_message<network_request>(payload);
    try_message<launch_request>(payload);
    try_message<launched>(payload);
    try_message<failure>(payload);
    try_message<signal_request>(payload);
    try_message<process_list>(payload);
    try_message<cgroup_directories>(payload);
    try_message<exec_notice>(payload);
    return 0;
}
