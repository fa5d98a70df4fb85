#pragma once

#include <string>

namespace davit::cli {

/// "type=bind,src=/a,dst=/b,readonly": what --mount takes, as the API's Mount in JSON.
/// Errors: invalid, in docker's words.
std::string parse_mount(const std::string& text);

} // namespace davit::cli
