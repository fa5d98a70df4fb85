#include "api/registry_credentials.h"

#include "api/types/registry_auth.h"
#include "core/error.h"
#include "io/json.h"

namespace davit::api {

namespace {

int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

} // namespace

std::optional<std::string> decode_base64(std::string_view text) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
    std::string decoded;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const int value = base64_value(c);
        if (value < 0) return std::nullopt;
        held = (held << 6) | static_cast<unsigned>(value);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        decoded += static_cast<char>((held >> bits) & 0xff);
    }
    return text.size() % 4 == 1 ? std::nullopt : std::optional{decoded};
}

std::optional<registry_credentials> parse_registry_auth(std::string_view header) {
    const auto json = decode_base64(header);
    if (!json || json->empty()) return std::nullopt;
    registry_auth auth;
    try {
        auth = io::parse<registry_auth>(*json, "the X-Registry-Auth header");
    } catch (const error&) {
        return std::nullopt;
    }
    if (auth.username.empty() && auth.identity_token.empty() && auth.registry_token.empty()) return std::nullopt;
    return registry_credentials{auth.username, auth.password, auth.identity_token, auth.registry_token,
                                auth.server_address};
}

} // namespace davit::api
