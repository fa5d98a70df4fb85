#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/socket_address.h"

namespace davit::io {

/// The addresses of a host name or literal, in the order in which to try them: as getaddrinfo(3) sorts them (RFC 6724),
/// families alternating (RFC 8305 §4). Never empty. Looks up on a worker; when cancelled, returns at once.
/// Errors: unavailable (no such name, no answer).
task<std::vector<socket_address>> resolve(std::string host, std::uint16_t port);

/// How many look-ups workers are still at, those among them that nobody waits for any more. A name server that does not
/// answer holds a worker for half a minute or longer, and with it the destruction of the loop and the exit of the
/// process.
std::size_t look_ups_under_way() noexcept;

} // namespace davit::io
