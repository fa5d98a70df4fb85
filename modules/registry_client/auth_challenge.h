#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry_client.h"

namespace davit {

/// One challenge of a WWW-Authenticate field (RFC 9110 §11.6.1).
struct auth_challenge {
    std::string scheme; ///< Lower case: "bearer", "basic"
    std::string realm;
    std::string service;
};

/// The challenges in a field's value; what can't be read is left out.
std::vector<auth_challenge> parse_challenges(std::string_view value);

/// What a token service answered.
struct registry_token {
    std::string text;
    std::chrono::seconds lifetime{60};
};

/// Errors: invalid (no JSON, no token, characters that a header can't hold).
registry_token parse_token(std::string_view body);

/// "Basic …" for a user and a password. Errors: invalid for a colon in the user's name.
std::string basic_authorization(const registry_credentials& credentials);

/// The first error of a registry's error body as "code: message", shortened and without control characters; empty when
/// there is none.
std::string shown_registry_error(std::string_view body);

} // namespace davit
