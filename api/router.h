#pragma once

#include <span>
#include <string_view>

#include "api/engine.h"
#include "api/exchange.h"
#include "core/task.h"
#include "io/http_server.h"

namespace davit::api {

/// One endpoint: the engine and the exchange outlive the handler.
struct route {
    io::http_method method;
    std::string_view pattern; ///< As match_path takes it
    task<void> (*handler)(engine&, exchange&);
};

/// How an endpoint is reached, and so what it has to distrust.
struct listener_trust {
    /// On TCP a browser may be the client: foreign Host and Origin headers are refused.
    bool is_local = true;
    /// Host names beside literal addresses and "localhost" that a client may use.
    std::vector<std::string> host_names;
};

/// Finds the handler of a request and answers with what it throws.
///
/// Order of the checks: path (ambiguous or unknown: 404 "page not found"), Host and Origin (403), version (400). Every
/// error is {"message": …}.
class router {
  public:
    router(engine& serves, std::span<const route> routes) noexcept : engine_{serves}, routes_{routes} {}

    /// Answers one request. What goes wrong after the answer has begun is rethrown, so that the connection is broken
    /// off visibly.
    task<void> handle(io::http_exchange& http, const listener_trust& trust);

  private:
    task<void> dispatch(io::http_exchange& http, const listener_trust& trust);

    engine& engine_;
    std::span<const route> routes_;
};

/// Throws errc::denied when a browser could have been led here: a Host that is no literal address, no localhost and no
/// configured name, or an Origin of another host.
void refuse_foreign_callers(const io::http_headers& headers, const listener_trust& trust);

/// The answer to a request that failed, also for what the HTTP server itself refuses.
io::http_response failure_response(unsigned status, const error& failure);

} // namespace davit::api
