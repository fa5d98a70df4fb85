#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "api/router.h"
#include "core/settings.h"
#include "core/task.h"
#include "io/socket.h"
#include "io/tls.h"

namespace davit::api {

/// One place where the API listens, as `--host` names it.
struct host_address {
    std::string unix_path; ///< Empty: TCP
    std::string tcp_host;
    std::uint16_t tcp_port = 0;
};

/// Reads "unix:///path" and "tcp://host:port". A TCP address without a host is 127.0.0.1; without a port, 2375, or 2376
/// with TLS. Errors: invalid, unsupported (fd://).
host_address parse_host_address(std::string_view text, bool uses_tls);

/// A listener that is bound, and how its clients are met.
struct api_listener {
    io::listener_ptr accepts;
    listener_trust trust;
    io::tls_context_ptr tls; ///< Null on unix sockets and plain TCP
};

/// The group of the unix socket: `group` when it exists. Errors: not_found when the user named one that does not.
std::optional<gid_t> find_socket_group(const settings& config);

/// Binds all of `--host`. Errors: invalid for TCP that is neither loopback nor verified by certificates.
task<std::vector<api_listener>> open_listeners(const settings& config, std::optional<gid_t> group);

/// Serves them until it is cancelled; then streams and connections have ended when it returns.
task<void> serve_api(std::vector<api_listener> listeners, router& routes);

} // namespace davit::api
