#pragma once

#include <chrono>
#include <map>
#include <string>

#include "modules/registry_client/auth_challenge.h"

namespace davit {

/// Tokens until they expire, by what they were given for: registry, account with its secret, scope.
class token_cache {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    /// The key's text holds no secret: it is a hash.
    static std::string key_of(const std::string& registry, const registry_credentials& credentials,
                              const std::string& scope);

    /// Empty when there is none.
    std::string find(const std::string& key, time_point now);
    void keep(const std::string& key, const registry_token& token, time_point now);
    void forget(const std::string& key) { tokens_.erase(key); }

  private:
    struct entry {
        std::string text;
        time_point until;
    };
    std::map<std::string, entry> tokens_;
};

} // namespace davit
