#pragma once

#include <optional>
#include <string_view>

#include "core/registry_client.h"

namespace davit::api {

/// The credentials of an X-Registry-Auth header: base64 in either alphabet, padded or not, of a JSON object. Nothing
/// for an empty header, and, as with Docker, for one that can't be read: a pull may do without.
std::optional<registry_credentials> parse_registry_auth(std::string_view header);

/// Decodes base64 (RFC 4648 §4 or §5, with or without padding). Nothing when the text is none.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace davit::api
