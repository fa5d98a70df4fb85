#include "api/status.h"

#include "io/http.h"

namespace davit::api {

unsigned status_of(const error& failure) noexcept {
    if (const auto* http = dynamic_cast<const io::http_error*>(&failure)) return http->status();
    switch (failure.category()) {
    case errc::invalid:
        return 400;
    case errc::unauthenticated:
        return 401;
    case errc::denied:
        return 403;
    case errc::not_found:
        return 404;
    case errc::conflict:
        return 409;
    case errc::too_large:
        return 413;
    case errc::unsupported:
        return 501;
    case errc::unavailable:
        return 503;
    case errc::timed_out:
        return 504;
    case errc::cancelled:
    case errc::internal:
        return 500;
    }
    return 500;
}

} // namespace davit::api
