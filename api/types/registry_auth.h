#pragma once

#include <string>

#include "core/fields.h"

namespace davit::api {

/// The X-Registry-Auth header's object, before its base64url. Docker Engine API: AuthConfig.
struct registry_auth {
    std::string username;
    std::string password;
    std::string server_address;
    std::string identity_token;
    std::string registry_token;
};

} // namespace davit::api

template <> struct davit::fields_of<davit::api::registry_auth> {
    using self = api::registry_auth;
    static constexpr auto list = field_list{field("username", &self::username, when_empty::omit),
                                            field("password", &self::password, when_empty::omit),
                                            field("serveraddress", &self::server_address, when_empty::omit),
                                            field("identitytoken", &self::identity_token, when_empty::omit),
                                            field("registrytoken", &self::registry_token, when_empty::omit)};
};
