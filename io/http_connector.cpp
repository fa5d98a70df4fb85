#include <utility>

#include "core/error.h"
#include "io/http_client.h"
#include "io/socket.h"

namespace davit::io {

namespace {

task<stream_ptr> connect_by_scheme(tls_context_ptr context, http_origin origin) {
    if (origin.scheme == "unix") co_return co_await connect_unix(origin.host);
    if (origin.scheme != "http" && origin.scheme != "https")
        throw error(errc::unsupported, "there are no connections for {}://", origin.scheme);
    if (origin.scheme == "https" && !context) throw error(errc::unsupported, "there is no TLS configuration for https");
    dialled made = co_await connect_tcp(origin.host, origin.port);
    if (origin.scheme == "http") co_return std::move(made.connection);
    co_return co_await tls_connect(context, std::move(made.connection), origin.host);
}

} // namespace

http_connector make_connector(tls_context_ptr context) {
    return [context = std::move(context)](http_origin origin) { return connect_by_scheme(context, std::move(origin)); };
}

} // namespace davit::io
