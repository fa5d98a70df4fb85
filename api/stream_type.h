#pragma once

#include <string_view>

#include "api/api_version.h"

namespace davit::api {

inline constexpr std::string_view raw_stream_type = "application/vnd.docker.raw-stream";

/// The content type of a container's output: frames have a type of their own from v1.42 on.
constexpr std::string_view stream_type(bool is_tty, api_version version) noexcept {
    return is_tty || version < api_version{1, 42} ? raw_stream_type : "application/vnd.docker.multiplexed-stream";
}

} // namespace davit::api
