#pragma once

#include <string>
#include <string_view>

#include "core/container_config.h"
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
    std::string details; ///< Stands before each message, its blank included; see `log_details`
};

/// What `details` of a log asks for: the attributes of its records as "name=value,…", each percent-encoded, and a
/// blank.
std::string log_details(const string_map& attributes);

/// Appends all messages of a batch.
void append_messages(std::string& to, const log_batch& batch, const log_format& format);

} // namespace davit::api
