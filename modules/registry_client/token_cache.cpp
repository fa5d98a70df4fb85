#include "modules/registry_client/token_cache.h"

#include "io/sha256.h"

namespace davit {

std::string token_cache::key_of(const std::string& registry, const registry_credentials& credentials,
                                const std::string& scope) {
    io::sha256 hash;
    for (const std::string* part :
         {&registry, &credentials.username, &credentials.password, &credentials.identity_token, &scope}) {
        hash.update(std::to_string(part->size()) + ":");
        hash.update(*part);
    }
    return hash.finish_hex();
}

std::string token_cache::find(const std::string& key, time_point now) {
    std::erase_if(tokens_, [&](const auto& kept) { return kept.second.until <= now; });
    const auto at = tokens_.find(key);
    return at == tokens_.end() ? std::string{} : at->second.text;
}

void token_cache::keep(const std::string& key, const registry_token& token, time_point now) {
    // A request under way must not meet its end.
    tokens_[key] = {token.text, now + token.lifetime - std::chrono::seconds{15}};
}

} // namespace davit
