#include "modules/registry_client/pull_session.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/executor.h"
#include "core/timeout.h"
#include "io/json.h"
#include "io/sha256.h"
#include "modules/registry_client/resumed_download.h"
#include "modules/registry_client/tag_pages.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_manifest = 4u << 20, largest_token = 1u << 20, largest_error = 64u << 10;
constexpr auto document_time = 2min;
constexpr int most_tag_pages = 1000;
constexpr std::size_t most_tags = 100'000;
constexpr std::string_view accepted = "application/vnd.oci.image.index.v1+json, "
                                      "application/vnd.oci.image.manifest.v1+json, "
                                      "application/vnd.docker.distribution.manifest.list.v2+json, "
                                      "application/vnd.docker.distribution.manifest.v2+json";

std::string media_type_of(const io::http_headers& headers) {
    std::string_view type = headers.get("Content-Type");
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return std::string{type};
}

task<std::string> read_document(io::http_client_response& response, std::size_t limit, std::string what) {
    try {
        co_return co_await with_timeout(document_time, "a document from the registry", response.read_all(limit));
    } catch (error& e) {
        e.while_doing("reading {}", what);
        throw;
    }
}

} // namespace

pull_session::pull_session(image_reference repository, registry_credentials credentials,
                           std::shared_ptr<registry_trust> trust, std::shared_ptr<token_cache> tokens,
                           registry_endpoint endpoint)
    : repository_{std::move(repository)},
      credentials_{std::move(credentials)},
      tokens_{std::move(tokens)},
      network_{std::move(trust), std::move(endpoint)},
      scope_{"repository:" + repository_.path() + ":pull"},
      token_key_{token_cache::key_of(repository_.domain(), credentials_, scope_)} {
    if (!credentials_.registry_token.empty()) authorization_ = "Bearer " + credentials_.registry_token;
}

task<fetched_manifest> pull_session::manifest(image_reference of) {
    co_return co_await fetch_manifest(of.digest() ? of.digest()->text() : of.tag(), of);
}

task<fetched_manifest> pull_session::manifest(digest of) {
    auto fetched = co_await fetch_manifest(of.text(), repository_.with_digest(of));
    if (fetched.of != of)
        throw error(errc::invalid, "the manifest {} was asked for, and the registry sent one with the digest {}",
                    of.text(), fetched.of.text());
    co_return fetched;
}

task<fetched_manifest> pull_session::fetch_manifest(std::string version, image_reference shown) {
    io::http_headers headers;
    headers.add("Accept", accepted);
    auto response = co_await get("manifests/" + version, std::move(headers));
    if (response.status() != 200) {
        const error failure = co_await refusal(std::move(response), "manifest for " + shown.familiar());
        throw error{failure};
    }
    fetched_manifest fetched;
    fetched.media_type = media_type_of(response.head().headers);
    const std::string told{response.head().headers.get("Docker-Content-Digest")};
    fetched.bytes = co_await read_document(response, largest_manifest, "the manifest for " + shown.familiar());
    io::sha256 hash;
    hash.update(fetched.bytes);
    fetched.of = digest::of_sha256(hash.finish());
    if (told.starts_with("sha256:") && told != fetched.of.text())
        throw error(errc::invalid, "the registry says that the manifest for {} has the digest {:?}, but it has {}",
                    shown.familiar(), told.substr(0, 100), fetched.of.text());
    co_return fetched;
}

task<std::unique_ptr<blob_download>> pull_session::blob(digest of) {
    auto download = std::make_unique<resumed_download>(shared_from_this(), of);
    co_await download->begin();
    co_return download;
}

task<std::vector<std::string>> pull_session::tags() {
    const std::string what = "the list of tags of " + repository_.familiar_name();
    std::vector<std::string> all;
    std::optional<std::string> query{""};
    for (int page = 0; query; ++page) {
        if (page == most_tag_pages || all.size() > most_tags)
            throw error(errc::too_large, "{} does not end after {} tags on {} pages", what, all.size(), page);
        io::http_headers headers;
        headers.add("Accept", "application/json");
        auto response = co_await get("tags/list", std::move(headers), *query);
        if (response.status() != 200) {
            const error failure = co_await refusal(std::move(response), what);
            throw error{failure};
        }
        const auto next = next_page_query(response.head().headers.get("Link"));
        for (std::string& tag : parse_tag_page(co_await read_document(response, largest_manifest, what)))
            all.push_back(std::move(tag));
        query = next;
    }
    co_return all;
}

task<io::http_client_response> pull_session::get(std::string path, io::http_headers headers, std::string query) {
    const auto network_base = co_await network_.base();
    io::url address = network_base;
    address.path = "/v2/" + repository_.path() + "/" + path;
    address.query = std::move(query);
    if (authorization_.empty())
        if (const auto token = tokens_->find(token_key_, executor::current().now()); !token.empty())
            authorization_ = "Bearer " + token;
    const std::string used = authorization_;
    auto response = co_await network_.get(address, headers, used);
    if (response.status() != 401) co_return std::move(response);
    // Refused: with what the registry asks for, once. Another request of this session may have got it meanwhile.
    if (authorization_ == used) {
        tokens_->forget(token_key_);
        co_await authorize(response.head().headers);
    }
    if (authorization_ == used) co_return std::move(response);
    co_return co_await network_.get(address, std::move(headers), authorization_);
}

task<void> pull_session::authorize(io::http_headers challenge) {
    if (!credentials_.registry_token.empty()) co_return; // it was what there is
    std::vector<auth_challenge> asked;
    for (const auto& field : challenge)
        if (io::equals_ignoring_case(field.name, "WWW-Authenticate"))
            for (auto& one : parse_challenges(field.value)) asked.push_back(std::move(one));
    const auto bearer = std::ranges::find(asked, "bearer", &auth_challenge::scheme);
    if (bearer != asked.end()) {
        co_await get_token(*bearer);
    } else if (std::ranges::find(asked, "basic", &auth_challenge::scheme) != asked.end() &&
               !credentials_.username.empty()) {
        authorization_ = basic_authorization(credentials_);
    }
}

task<void> pull_session::get_token(auth_challenge challenge) {
    io::url realm;
    try {
        realm = io::url::parse(challenge.realm);
    } catch (error& e) {
        e.while_doing("reading the address of the registry's token service (realm)");
        throw;
    }
    if (realm.scheme != "https" && realm.scheme != "http")
        throw error(errc::denied, "the registry's token service (realm) has the scheme {:?}", realm.scheme);
    io::url_query query = io::url_query::parse(realm.query);
    io::http_headers headers;
    headers.add("Accept", "application/json");
    std::string body;
    io::http_method method = io::http_method::get;
    if (!challenge.service.empty()) query.add("service", challenge.service);
    query.add("scope", scope_);
    if (!credentials_.identity_token.empty()) {
        method = io::http_method::post;
        query.add("client_id", "davit");
        query.add("grant_type", "refresh_token");
        query.add("refresh_token", credentials_.identity_token);
        headers.add("Content-Type", "application/x-www-form-urlencoded");
        body = query.to_string();
        realm.query.clear();
    } else {
        if (!credentials_.username.empty()) {
            query.add("account", credentials_.username);
            headers.add("Authorization", basic_authorization(credentials_));
        }
        realm.query = query.to_string();
    }
    auto response = co_await network_.ask_token_service(realm, method, std::move(headers), std::move(body));
    const unsigned status = response.status();
    const std::string answer =
        co_await read_document(response, largest_token, "the answer of the registry's token service");
    if (status == 401 || status == 403)
        throw error(errc::denied,
                    "pull access denied for {}, repository does not exist or may require 'docker login': {}",
                    repository_.familiar_name(),
                    shown_registry_error(answer).empty() ? "the token service refused" : shown_registry_error(answer));
    if (status != 200)
        throw error(errc::unavailable, "the registry's token service (realm) {} answered {}", realm.authority(),
                    status);
    const registry_token token = parse_token(answer);
    tokens_->keep(token_key_, token, executor::current().now());
    authorization_ = "Bearer " + token.text;
}

task<error> pull_session::refusal(io::http_client_response response, std::string what) {
    const unsigned status = response.status();
    std::string said;
    try {
        said = shown_registry_error(co_await read_document(response, largest_error, "the registry's error"));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
    const std::string because = said.empty() ? std::string{} : ": " + said;
    if (status == 401 || status == 403)
        co_return error(errc::denied,
                        "pull access denied for {}, repository does not exist or may require 'docker login'{}",
                        repository_.familiar_name(), because);
    if (status == 404) {
        if (said.starts_with("name unknown"))
            co_return error(errc::not_found, "repository {} not found{}", repository_.familiar_name(), because);
        co_return error(errc::not_found, "{} not found{}", what, because.empty() ? ": manifest unknown" : because);
    }
    co_return error(errc::unavailable, "{}: the registry answered {} {}{}", what, status, io::reason_of(status),
                    because);
}

} // namespace davit
