#pragma once

#include <string>
#include <string_view>

#include "core/log_driver.h"

namespace davit::api {

/// Appends one frame of the multiplexed stream (Docker Engine API, ContainerAttach §Stream format): the stream's
/// number, three zeros, the payload's length as a big-endian 32-bit number, the payload. Longer payloads become several
/// frames.
void append_frame(std::string& to, output_stream from, std::string_view payload);

/// How log messages become bytes for a client.
struct log_format {
    bool is_framed = true; ///< false for a container with a terminal: the plain bytes
    bool has_timestamps = false;
};

/// Appends all messages of a batch.
void append_messages(std::string& to, const log_batch& batch, log_format format);

} // namespace davit::api
