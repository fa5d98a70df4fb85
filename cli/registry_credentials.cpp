#include "cli/registry_credentials.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <unistd.h>
#include <utility>

#include "api/types/registry_auth.h"
#include "cli/output.h"
#include "cli/value.h"
#include "core/error.h"
#include "core/fields.h"
#include "io/json.h"
#include "io/process.h"

namespace davit::cli {

namespace {

/// What a credential helper answers to `get`.
struct helper_answer {
    std::string user;
    std::string secret;
};

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string decode_base64(std::string_view text) {
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        if (c == '=') break;
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) throw error(errc::invalid, "what is stored is no base64; log in again");
        bits = (bits << 6) | static_cast<unsigned>(value);
        if (++count % 4 != 1) out += static_cast<char>(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0) & 0xff);
    }
    return out;
}

/// RFC 4648 §4, with padding: how settings hold a login.
std::string encode_base64(std::string_view bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t i = 0; i < 3; ++i)
            group = (group << 8) | (i < have ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= have ? alphabet[(group >> (18 - 6 * i)) & 63] : '=';
        }
    }
    return out;
}

/// Docker Hub is stored under its old index address.
std::string key_of(const std::string& domain) {
    return domain == "docker.io" ? "https://index.docker.io/v1/" : domain;
}

/// In the alphabet of RFC 4648 §5, which the header takes.
std::string header_of(const api::registry_auth& login) {
    std::string text = encode_base64(io::to_json(login));
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

/// "https://host/v1/" is how older programs stored the login for "host".
std::string host_of(std::string_view stored_for) {
    if (const std::size_t scheme = stored_for.find("://"); scheme != std::string_view::npos)
        stored_for.remove_prefix(scheme + 3);
    return std::string{stored_for.substr(0, stored_for.find('/'))};
}

const client_configuration::login* find_login(const client_configuration& stored, const std::string& key) {
    if (const auto exact = stored.logins.find(key); exact != stored.logins.end()) return &exact->second;
    for (const auto& [stored_for, login] : stored.logins)
        if (host_of(stored_for) == key) return &login;
    return nullptr;
}

/// Errors: invalid for one that is damaged.
api::registry_auth read_login(const client_configuration& stored, const client_configuration::login& found) {
    api::registry_auth login;
    login.identity_token = found.identity_token;
    login.username = found.user;
    login.password = found.password;
    if (!found.auth.empty()) {
        const std::string pair = decode_base64(found.auth);
        const std::size_t colon = pair.find(':');
        if (colon == std::string::npos)
            throw error(errc::invalid, "what {}/config.json has is damaged; log in again", stored.folder);
        login.username = pair.substr(0, colon);
        login.password = pair.substr(colon + 1);
    }
    return login;
}

} // namespace

} // namespace davit::cli

namespace davit {

template <> struct fields_of<cli::helper_answer> {
    using self = cli::helper_answer;
    static constexpr auto list = field_list{field("Username", &self::user), field("Secret", &self::secret)};
};

} // namespace davit

namespace davit::cli {

namespace {

/// What a helper prints; empty where it says that it has no such login. Errors: invalid when it fails otherwise.
task<std::string> run_helper(std::string helper, std::string verb, std::string input) {
    io::process_options options;
    options.argv = {"docker-credential-" + helper, std::move(verb)};
    // It may need any variable: AWS_PROFILE, DBUS_SESSION_BUS_ADDRESS, …
    for (char** each = environ; *each; ++each) options.environment.emplace_back(*each);
    io::process_output answer;
    try {
        answer = co_await io::run_process(std::move(options), std::move(input), 1u << 20);
    } catch (const error& e) {
        if (e.system_errno() != ENOENT) throw;
        throw error(errc::invalid, "exec: \"docker-credential-{}\": executable file not found in $PATH", helper);
    }
    if (answer.exit.is_success()) co_return std::move(answer.standard_output);
    if (answer.standard_output.find("credentials not found") != std::string::npos) co_return std::string{};
    throw error(errc::invalid, "error getting credentials - docker-credential-{} failed: {}", helper,
                answer.standard_output);
}

task<std::optional<api::registry_auth>> ask_helper(std::string helper, std::string key) {
    const std::string answer = co_await run_helper(std::move(helper), "get", std::move(key));
    if (answer.empty()) co_return std::nullopt;
    const auto found = io::parse<helper_answer>(answer, "the credential helper's answer");
    api::registry_auth login;
    if (found.user == "<token>")
        login.identity_token = found.secret;
    else {
        login.username = found.user;
        login.password = found.secret;
    }
    co_return login;
}

value entry_of(const api::registry_auth& login) {
    value entry{value::object{}};
    if (!login.username.empty() || !login.password.empty())
        entry.set("auth", encode_base64(login.username + ":" + login.password));
    if (!login.identity_token.empty()) entry.set("identitytoken", login.identity_token);
    return entry;
}

} // namespace

task<std::string> find_registry_credentials(const client_configuration& stored, std::string domain) {
    const std::string key = key_of(domain);
    const auto at = stored.credential_helpers.find(domain);
    const std::string helper = at == stored.credential_helpers.end() ? stored.credential_helper : at->second;
    std::optional<api::registry_auth> login;
    std::string complaint;
    bool was_answered = false;
    try {
        if (!helper.empty()) {
            login = co_await ask_helper(helper, key);
            was_answered = true;
        }
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        complaint = e.text();
    }
    try {
        const client_configuration::login* const found = was_answered ? nullptr : find_login(stored, key);
        if (found) login = read_login(stored, *found);
    } catch (const error& e) {
        complaint = e.text();
    }
    if (!login && !complaint.empty())
        print_error(fmt::format("WARNING: no login is used for {}: {}", domain, complaint));
    if (!login) co_return std::string{};
    login->server_address = key;
    co_return header_of(*login);
}

task<std::string> all_registry_credentials(const client_configuration& stored) {
    std::map<std::string, value> entries; // A registry's own helper comes last and wins.
    if (stored.credential_helper.empty()) {
        for (const auto& [key, login] : stored.logins) entries[key] = entry_of(read_login(stored, login));
    } else {
        const std::string list = co_await run_helper(stored.credential_helper, "list", {});
        const auto named = io::parse<std::map<std::string, std::string>>(list, "the credential helper's list");
        for (const auto& [key, user] : named)
            if (const auto login = co_await ask_helper(stored.credential_helper, key)) entries[key] = entry_of(*login);
    }
    for (const auto& [key, helper] : stored.credential_helpers)
        if (const auto login = co_await ask_helper(helper, key)) entries[key] = entry_of(*login);
    if (entries.empty()) co_return std::string{};
    value file;
    file.set("auths", value::object{entries.begin(), entries.end()});
    co_return file.to_json();
}

} // namespace davit::cli
