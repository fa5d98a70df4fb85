#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/http_parser.h"

namespace davit::io {

/// What the parser tells of `input` when it is given in pieces: heads, bodies and ends, up to its refusal.
inline std::string events_of(http_parser::kind of, std::string_view input, std::size_t piece) {
    http_limits limits;
    limits.header_bytes = 512;
    limits.target_bytes = 64;
    http_parser parser{of, limits};
    std::string told;
    try {
        for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
            const_bytes some = as_bytes(input.substr(0, piece));
            for (;;) {
                const auto step = parser.next(some);
                some = some.subspan(step.consumed);
                if (step.what == http_parser::event::need_input) break;
                told.append(reinterpret_cast<const char*>(step.data.data()), step.data.size());
                if (step.what == http_parser::event::head) {
                    told += "<head " + parser.request().target + parser.response().reason;
                    const auto& headers =
                        of == http_parser::kind::request ? parser.request().headers : parser.response().headers;
                    for (const auto field : headers) (told += field.name) += field.value;
                    told += ">";
                    if (parser.response().status == 101) return told; // what follows is no HTTP
                }
                if (step.what == http_parser::event::end) {
                    told += "<end>";
                    parser.reset();
                }
            }
        }
        told += parser.finish() ? "<finished>" : "<broken off>";
    } catch (const http_error&) {
        told += "<refused>";
    }
    return told;
}

/// Whether the pieces in which an input is given make no difference. The first byte of `data` says how large they are.
inline bool has_same_events_when_cut(http_parser::kind of, const std::uint8_t* data, std::size_t size) {
    if (size < 1) return true;
    const std::string_view input{reinterpret_cast<const char*>(data + 1), size - 1};
    return events_of(of, input, input.size() + 1) == events_of(of, input, 1 + data[0] % 32);
}

} // namespace davit::io
