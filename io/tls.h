#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/stream.h"

namespace davit::io {

/// TLS configuration, made once and shared by any number of sessions: TLS 1.2 and 1.3 with forward
/// secrecy, ALPN http/1.1. On mbedTLS 3.6.
class tls_context;
using tls_context_ptr = std::shared_ptr<const tls_context>;

struct tls_client_options {
    /// PEM files with the certificate authorities to trust. Empty: the system's bundle.
    std::vector<std::string> authority_files;
    /// Also trust the system's bundle when authority_files are given.
    bool with_system_authorities = false;
    /// PEM files of our certificate (with its chain) and key, both or none.
    std::string certificate_file;
    std::string key_file;
    /// Does not check who the server is. Only when the user has asked for exactly that.
    bool is_insecure = false;
};

struct tls_server_options {
    std::string certificate_file;
    std::string key_file;
    /// PEM file: clients must show a certificate for the client purpose that one of these authorities has signed.
    /// Empty: clients need none.
    std::string client_authority_file;
};

/// Read and parsed on a worker. Errors: not_found, denied, invalid; each names the file and the reason.
task<tls_context_ptr> make_tls_context(tls_client_options options);
task<tls_context_ptr> make_tls_context(tls_server_options options);

/// Begins a session as client over `transport`. `server_name` (a host name or an IP literal) is sent as SNI where it is
/// a name, and must be in the certificate's subject alternative names. The handshake's arithmetic (milliseconds) runs
/// on a worker, its input and output on the loop; records of an open session are small enough (16 KiB, some 20 µs) to
/// stay on the loop. Errors: denied (certificate not accepted; says whose and why), unavailable (the peer broke off;
/// says how).
task<stream_ptr> tls_connect(tls_context_ptr context, stream_ptr transport, std::string server_name);

/// Begins a session as server. Errors: denied (client certificate), unavailable.
task<stream_ptr> tls_accept(tls_context_ptr context, stream_ptr transport);

} // namespace davit::io
