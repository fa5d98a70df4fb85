#include "cli/registry_credentials.h"

#include <unistd.h>

#include "api/types/registry_auth.h"
#include "cli/output.h"
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

/// RFC 4648 §5, with padding: what the header takes.
std::string encode_base64url(std::string_view bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t i = 0; i < 3; ++i)
            group = (group << 8) | (i < have ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            char c = i <= have ? alphabet[(group >> (18 - 6 * i)) & 63] : '=';
            if (c == '+') c = '-';
            if (c == '/') c = '_';
            out += c;
        }
    }
    return out;
}

/// Docker Hub is stored under its old index address.
std::string key_of(const std::string& domain) {
    return domain == "docker.io" ? "https://index.docker.io/v1/" : domain;
}

std::string header_of(const api::registry_auth& login) {
    return encode_base64url(io::to_json(login));
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

/// Empty without a login. Errors: invalid for one that is damaged.
std::string stored_login(const client_configuration& stored, const std::string& key) {
    const client_configuration::login* found = find_login(stored, key);
    if (!found) return "";
    api::registry_auth login;
    login.server_address = key;
    login.identity_token = found->identity_token;
    login.username = found->user;
    login.password = found->password;
    if (!found->auth.empty()) {
        const std::string pair = decode_base64(found->auth);
        const std::size_t colon = pair.find(':');
        if (colon == std::string::npos)
            throw error(errc::invalid, "what {}/config.json has is damaged; log in again", stored.folder);
        login.username = pair.substr(0, colon);
        login.password = pair.substr(colon + 1);
    }
    return header_of(login);
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

task<std::string> ask_helper(std::string helper, std::string key) {
    io::process_options options;
    options.argv = {"docker-credential-" + helper, "get"};
    // It may need any variable: AWS_PROFILE, DBUS_SESSION_BUS_ADDRESS, …
    for (char** each = environ; *each; ++each) options.environment.emplace_back(*each);
    const auto answer = co_await io::run_process(std::move(options), key, 1u << 20);
    if (!answer.exit.is_success()) {
        if (answer.standard_output.find("credentials not found") != std::string::npos) co_return std::string{};
        throw error(errc::invalid, "error getting credentials - docker-credential-{} failed: {}", helper,
                    answer.standard_output);
    }
    const auto found = io::parse<helper_answer>(answer.standard_output, "the credential helper's answer");
    api::registry_auth login;
    login.server_address = key;
    if (found.user == "<token>")
        login.identity_token = found.secret;
    else {
        login.username = found.user;
        login.password = found.secret;
    }
    co_return header_of(login);
}

} // namespace

task<std::string> find_registry_credentials(const client_configuration& stored, std::string domain) {
    const std::string key = key_of(domain);
    const auto at = stored.credential_helpers.find(domain);
    const std::string helper = at == stored.credential_helpers.end() ? stored.credential_helper : at->second;
    std::string complaint, header;
    try {
        if (!helper.empty()) co_return co_await ask_helper(helper, key);
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        complaint = e.text();
    }
    try {
        header = stored_login(stored, key);
    } catch (const error& e) {
        complaint = e.text();
    }
    if (header.empty() && !complaint.empty())
        print_error(fmt::format("WARNING: no login is used for {}: {}", domain, complaint));
    co_return header;
}

} // namespace davit::cli
