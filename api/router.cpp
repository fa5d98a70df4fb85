#include "api/router.h"

#include <algorithm>
#include <exception>

#include "api/status.h"
#include "api/types/error_message.h"
#include "core/error.h"
#include "core/log.h"
#include "io/json.h"
#include "io/socket_address.h"

namespace davit::api {

namespace {

/// The host of "host", "host:port", "[v6]:port".
std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.rfind(':'));
}

bool is_own_host(std::string_view host, const listener_trust& trust) {
    if (host.empty()) return false;
    return io::socket_address::is_literal(host) || io::equals_ignoring_case(host, "localhost") ||
           std::any_of(trust.host_names.begin(), trust.host_names.end(),
                       [&](const std::string& name) { return io::equals_ignoring_case(name, host); });
}

} // namespace

void refuse_foreign_callers(const io::http_headers& headers, const listener_trust& trust) {
    if (trust.is_local) return;
    const auto host = headers.get("Host");
    if (!is_own_host(host_of(host), trust))
        throw error(errc::denied, "the Host header \"{}\" is not one that this engine answers to", host);
    const auto origin = headers.find("Origin");
    if (!origin) return;
    const auto authority = origin->substr(std::min(origin->size(), origin->find("://") + 3));
    if (origin->find("://") == std::string_view::npos || authority != host)
        throw error(errc::denied, "requests on behalf of the web page at \"{}\" are refused", *origin);
}

io::http_response failure_response(unsigned status, const error& failure) {
    io::http_response response;
    response.head.status = status;
    add_engine_headers(response.head.headers);
    response.head.headers.add("Content-Type", "application/json");
    response.body = io::to_json(error_message{failure.text()}) + "\n";
    return response;
}

task<void> router::handle(io::http_exchange& http, const listener_trust& trust) {
    std::optional<io::http_response> refusal;
    try {
        co_await dispatch(http, trust);
    } catch (const error& e) {
        if (e.category() == errc::cancelled || http.has_answered()) throw;
        const unsigned status = status_of(e);
        if (status >= 500 && e.category() != errc::unsupported) // what is not offered is no fault of the engine's
            log::error("{} {}: {}", to_string(http.head().method), io::split_target(http.head().target).path, e.text());
        else
            log::debug("refused with {}: {}", status, e.text());
        refusal = failure_response(status, e);
    }
    if (refusal) co_await http.respond(std::move(refusal->head), std::move(refusal->body));
}

task<void> router::dispatch(io::http_exchange& http, const listener_trust& trust) {
    const auto target = io::split_target(http.head().target);
    const auto path = split_request_path(target.path);
    const route* found = nullptr;
    std::optional<path_parameters> parameters;
    for (const route& candidate : routes_) {
        if (!path || candidate.method != http.head().method) continue;
        parameters = match_path(candidate.pattern, path->segments);
        if (parameters) {
            found = &candidate;
            break;
        }
    }
    if (!found) throw error(errc::not_found, "page not found");
    refuse_foreign_callers(http.head().headers, trust);
    api_version version = newest_version;
    if (!path->version.empty()) {
        const auto asked = parse_api_version(path->version);
        if (!asked) throw error(errc::invalid, "invalid API version \"{}\"", path->version);
        version = *asked;
        check_is_spoken(version, path->version);
    }
    log::debug("{} {}", to_string(http.head().method), target.path);
    exchange request{http, version, std::move(*parameters), io::url_query::parse(target.query)};
    co_await found->handler(engine_, request);
}

} // namespace davit::api
