#include "modules/registry_client/registry_network.h"

#include <algorithm>
#include <dirent.h>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "io/resolve.h"
#include "io/socket.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

constexpr int most_redirects = 10;
constexpr int most_attempts = 3;
constexpr auto first_pause = 200ms;

struct certificate_files {
    std::vector<std::string> authorities;
    std::string certificate, key;
};

certificate_files find_certificates(const std::string& directory) {
    certificate_files found;
    DIR* listing = directory.empty() ? nullptr : ::opendir(directory.c_str());
    if (!listing) return found;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name = entry->d_name;
        const std::string path = directory + "/" + entry->d_name;
        if (name.ends_with(".crt")) found.authorities.push_back(path);
        if (name.ends_with(".cert")) {
            found.certificate = path;
            found.key = path.substr(0, path.size() - 4) + "key";
        }
    }
    ::closedir(listing);
    std::ranges::sort(found.authorities);
    return found;
}

std::string host_key(const std::string& host, std::uint16_t port) {
    return port == 443 ? host : fmt::format("{}:{}", host, port);
}

bool is_worth_repeating(const error& e) {
    return e.category() == errc::unavailable || e.category() == errc::timed_out;
}

bool is_server_trouble(unsigned status) {
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

} // namespace

bool registry_trust::may_be_insecure(const std::string& host, std::uint16_t port,
                                     const io::socket_address& dialled) const {
    return dialled.is_loopback() || insecure_.contains(host, port, dialled);
}

task<io::tls_context_ptr> registry_trust::context_for(std::string host, std::uint16_t port, bool is_insecure) {
    std::string key = is_insecure ? "insecure" : host_key(host, port);
    if (const auto at = contexts_.find(key); at != contexts_.end()) co_return at->second;
    io::tls_client_options options;
    options.is_insecure = is_insecure;
    if (!is_insecure && !certificate_directory_.empty()) {
        auto files = co_await io::offload(
            [directory = certificate_directory_ + "/" + key] { return find_certificates(directory); });
        options.authority_files = std::move(files.authorities);
        options.with_system_authorities = true;
        options.certificate_file = std::move(files.certificate);
        options.key_file = std::move(files.key);
    }
    // Registries without certificates of their own share one context: the system's bundle is large.
    if (!is_insecure && options.authority_files.empty() && options.certificate_file.empty()) {
        auto& shared = contexts_[""];
        if (!shared) {
            auto made = co_await io::make_tls_context(io::tls_client_options{});
            contexts_[""] = made;
            co_return made;
        }
        co_return shared;
    }
    auto made = co_await io::make_tls_context(std::move(options));
    contexts_[key] = made;
    co_return made;
}

/// What connections are judged by. Shared with the connector, which responses may keep alive.
struct registry_network::state {
    std::shared_ptr<registry_trust> trust;
    registry_endpoint endpoint;
    /// Of the farthest address at which the registry was found; nothing before.
    std::optional<address_reach> registry_reach;
    bool registry_may_be_insecure = false;

    bool is_registry(const io::http_origin& origin) const {
        return origin.host == endpoint.host && (endpoint.port == 0 || origin.port == endpoint.port);
    }

    /// Without those that the registry may not lead to. That is also for its own name, once it was found: what was
    /// outside does not come to be inside later on (DNS rebinding).
    std::vector<io::socket_address> judged(const io::http_origin& to, std::vector<io::socket_address> addresses) const {
        if (is_registry(to) && !registry_reach) return addresses;
        const auto from = registry_reach.value_or(address_reach::open);
        const std::string first = addresses.front().host();
        std::erase_if(addresses, [&](const auto& address) { return !may_lead_to(from, reach_of(address)); });
        if (addresses.empty())
            throw error(errc::denied, "the registry {} sends to {} ({}), an address that it may not lead to",
                        endpoint.shown, to.host, first);
        return addresses;
    }

    task<io::stream_ptr> connect(io::http_origin to) {
        // It is these that are dialled, and no name: that may change its mind.
        auto found = co_await io::resolve(to.host, to.port);
        io::dialled made = co_await dial(judged(to, std::move(found)));
        const bool may_be_insecure = trust->may_be_insecure(to.host, to.port, made.address);
        if (is_registry(to)) {
            const auto reach = reach_of(made.address);
            registry_reach = std::min(registry_reach.value_or(reach), reach); // the farthest
            registry_may_be_insecure = may_be_insecure;
        }
        if (to.scheme == "http") {
            if (!may_be_insecure)
                throw error(errc::denied,
                            "{}:{} would be talked to without TLS; to allow that, name it in insecure-registry",
                            to.host, to.port);
            co_return std::move(made.connection);
        }
        if (to.scheme != "https") throw error(errc::invalid, "there are no connections for {}://", to.scheme);
        const auto context = co_await trust->context_for(to.host, to.port, may_be_insecure);
        co_return co_await io::tls_connect(context, std::move(made.connection), to.host);
    }

    static task<io::dialled> dial(std::vector<io::socket_address> addresses) {
        std::string failures;
        for (const io::socket_address& address : addresses) {
            try {
                co_return co_await io::connect_tcp(address.host(), address.port());
            } catch (const error& e) {
                if (e.category() == errc::cancelled) throw;
                failures += (failures.empty() ? "" : "; ") + e.text();
            }
        }
        throw error(errc::unavailable, "{}", failures);
    }
};

registry_network::registry_network(std::shared_ptr<registry_trust> trust, registry_endpoint endpoint)
    : state_{std::make_shared<state>(std::move(trust), std::move(endpoint), std::nullopt, false)},
      client_{[shared = state_](io::http_origin to) { return shared->connect(std::move(to)); }} {}

task<io::url> registry_network::base() {
    if (base_) co_return *base_;
    io::url found;
    found.host = state_->endpoint.host;
    found.port = state_->endpoint.port;
    found.scheme = co_await speaks_tls() ? "https" : "http";
    base_ = found;
    co_return found;
}

task<bool> registry_network::speaks_tls() {
    std::optional<error> failure;
    try {
        io::http_request_head head;
        head.method = io::http_method::get;
        head.target = "/v2/";
        const io::http_origin to{"https", state_->endpoint.host,
                                 state_->endpoint.port ? state_->endpoint.port : std::uint16_t{443}};
        auto response = co_await client_.request(to, std::move(head));
        co_await response.read_all(64u << 10); // so that the connection is kept
        co_return true;
    } catch (const error& e) {
        failure = e;
    }
    // Only where it is allowed, and only when TLS is not spoken: a certificate that is not accepted is no reason.
    if (state_->registry_may_be_insecure && failure->category() != errc::denied &&
        failure->category() != errc::cancelled && failure->category() != errc::too_large)
        co_return false;
    failure->while_doing("talking to the registry {}", state_->endpoint.shown);
    throw error{*failure};
}

task<io::http_client_response> registry_network::send(io::url address, io::http_method method, io::http_headers headers,
                                                      std::string body) {
    io::http_request_head head;
    head.method = method;
    head.target = address.target();
    head.headers = std::move(headers);
    head.headers.set("Host", address.authority());
    head.headers.set("User-Agent", "davit");
    co_return co_await client_.request(io::http_origin::of(address), std::move(head),
                                       body.empty() ? io::http_request_body{} : io::http_request_body{std::move(body)});
}

task<io::http_client_response> registry_network::send_with_retries(io::url address, io::http_headers headers) {
    auto pause = first_pause;
    for (int attempt = 1;; ++attempt) {
        std::optional<error> failure;
        try {
            auto response = co_await send(address, io::http_method::get, headers, {});
            if (!is_server_trouble(response.status()) || attempt == most_attempts) co_return std::move(response);
        } catch (const error& e) {
            if (!is_worth_repeating(e) || attempt == most_attempts) throw;
        }
        co_await sleep_for(pause);
        pause *= 4;
    }
}

task<io::http_client_response> registry_network::get(io::url address, io::http_headers headers,
                                                     std::string authorization) {
    const auto first = io::http_origin::of(address);
    for (int hop = 0; hop <= most_redirects; ++hop) {
        headers.remove("Authorization");
        if (!authorization.empty() && io::http_origin::of(address) == first)
            headers.set("Authorization", authorization);
        auto response = co_await send_with_retries(address, headers);
        const unsigned status = response.status();
        if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
            co_return std::move(response);
        const auto location = response.head().headers.find("Location");
        if (!location)
            throw error(errc::invalid, "the registry {} sent a redirect without a location", state_->endpoint.shown);
        io::url next;
        try {
            next = address.resolve(*location);
        } catch (error& e) {
            e.while_doing("following a redirect (location) of the registry {}", state_->endpoint.shown);
            throw;
        }
        if (next.scheme != "https" && next.scheme != "http")
            throw error(errc::invalid, "the registry {} redirects to the scheme {:?}", state_->endpoint.shown,
                        next.scheme);
        if (address.scheme == "https" && next.scheme != "https")
            throw error(errc::denied, "the registry {} redirects from https to http", state_->endpoint.shown);
        next.user_info.clear();
        // Credentials that went to another origin once do not come back.
        if (io::http_origin::of(next) != first) authorization.clear();
        address = std::move(next);
    }
    throw error(errc::invalid, "the registry {} redirects more than {} times", state_->endpoint.shown, most_redirects);
}

task<io::http_client_response> registry_network::ask_token_service(io::url realm, io::http_method method,
                                                                   io::http_headers headers, std::string body) {
    if (realm.scheme != "https" && !(realm.scheme == "http" && base_ && base_->scheme == "http"))
        throw error(errc::denied, "the registry {} names the token service (realm) {}://{}, which is not https",
                    state_->endpoint.shown, realm.scheme, realm.authority());
    realm.user_info.clear();
    realm.fragment.clear();
    try {
        co_return co_await send(std::move(realm), method, std::move(headers), std::move(body));
    } catch (error& e) {
        e.while_doing("asking the token service (realm) of {}", state_->endpoint.shown);
        throw;
    }
}

} // namespace davit
