#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/http_client.h"
#include "io/tls.h"
#include "io/url.h"
#include "modules/registry_client/address_policy.h"

namespace davit {

/// How the engine verifies registries: made once, shared by all sessions. Certificates are read when a registry is
/// first talked to: those of DIRECTORY/HOST[:PORT]/ (*.crt authorities, *.cert with *.key for us) beside the system's.
class registry_trust {
  public:
    registry_trust(const std::vector<std::string>& insecure, std::string certificate_directory)
        : insecure_{insecure}, certificate_directory_{std::move(certificate_directory)} {}

    /// Whether neither verified TLS nor any is asked for: configured so, or the address dialled is loopback.
    bool may_be_insecure(const std::string& host, std::uint16_t port, const io::socket_address& dialled) const;
    task<io::tls_context_ptr> context_for(std::string host, std::uint16_t port, bool is_insecure);

  private:
    insecure_registries insecure_;
    std::string certificate_directory_;
    std::map<std::string, io::tls_context_ptr> contexts_;
};

/// Where a registry's requests begin.
struct registry_endpoint {
    std::string host;
    std::uint16_t port = 0; ///< 0: the scheme's
    /// What its name shows to users: "docker.io".
    std::string shown;
};

/// The connections of one session to its registry, and to where that one sends it. Judges every address before it
/// dials, and every connection before a byte of HTTP is sent.
class registry_network {
  public:
    registry_network(std::shared_ptr<registry_trust> trust, registry_endpoint endpoint);

    /// "https://host:port", or http where that is all that it speaks and it may be insecure. Finds out when first
    /// asked. Errors: denied (certificate; no TLS where there must be), unavailable.
    task<io::url> base();

    /// A GET that follows redirects: ten at most, none from https to http, none to where the registry must not lead.
    /// `authorization` goes to the first origin only. Server errors and broken connections are tried again.
    /// Errors: unavailable, timed_out, denied, invalid (a redirect that leads nowhere).
    task<io::http_client_response> get(io::url address, io::http_headers headers, std::string authorization);

    /// A request to the registry's token service, without redirects. Errors: as get; denied for a realm that the
    /// registry may not name.
    task<io::http_client_response> ask_token_service(io::url realm, io::http_method method, io::http_headers headers,
                                                     std::string body);

  private:
    struct state;
    task<io::http_client_response> send(io::url address, io::http_method method, io::http_headers headers,
                                        std::string body);
    task<io::http_client_response> send_with_retries(io::url address, io::http_headers headers);
    task<bool> speaks_tls();

    std::shared_ptr<state> state_;
    io::http_client client_;
    std::optional<io::url> base_;
};

} // namespace davit
