#include "api/stdcopy.h"

#include <algorithm>
#include <array>

#include "core/rfc3339.h"
#include "io/url.h"

namespace davit::api {

namespace {

constexpr std::size_t header_size = 8;

/// As forms have it: a blank is a plus.
std::string form_encode(std::string_view text) {
    std::string encoded = io::percent_encode(text, " ");
    std::replace(encoded.begin(), encoded.end(), ' ', '+');
    return encoded;
}

void append_header(std::string& to, output_stream from, std::size_t length) {
    const std::array<char, header_size> header = {static_cast<char>(from),
                                                  0,
                                                  0,
                                                  0,
                                                  static_cast<char>(length >> 24),
                                                  static_cast<char>(length >> 16),
                                                  static_cast<char>(length >> 8),
                                                  static_cast<char>(length)};
    to.append(header.data(), header.size());
}

} // namespace

void append_frame(std::string& to, output_stream from, std::string_view payload) {
    constexpr std::size_t longest = 1u << 30;
    while (!payload.empty()) {
        const auto part = payload.substr(0, longest);
        append_header(to, from, part.size());
        to.append(part);
        payload.remove_prefix(part.size());
    }
}

std::string log_details(const string_map& attributes) {
    std::string text;
    for (const auto& [name, value] : attributes)
        text += (text.empty() ? "" : ",") + form_encode(name) + "=" + form_encode(value);
    return text + " ";
}

void append_messages(std::string& to, const log_batch& batch, const log_format& format) {
    const std::string_view bytes = batch.bytes;
    constexpr std::size_t stamp_size = 31; // "2026-11-24T16:25:36.500000000Z "
    const std::size_t extra =
        (format.is_framed ? header_size : 0) + (format.has_timestamps ? stamp_size : 0) + format.details.size();
    to.reserve(to.size() + bytes.size() + extra * batch.messages.size());
    for (const auto& message : batch.messages) {
        const auto line = bytes.substr(message.offset, message.length);
        if (!format.has_timestamps) {
            if (format.is_framed) append_header(to, message.from, format.details.size() + line.size());
            to.append(format.details).append(line);
            continue;
        }
        const auto stamp = to_rfc3339_fixed(message.at);
        if (format.is_framed) append_header(to, message.from, stamp.size() + 1 + format.details.size() + line.size());
        to.append(stamp).append(1, ' ').append(format.details).append(line);
    }
}

} // namespace davit::api
