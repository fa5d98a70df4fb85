#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace davit::shim {

/// Writes `text` to an existing file in one write(2), without following a link in its last part. 0 or an errno.
int write_file(const std::string& path, std::string_view text);

/// Up to `most` bytes of a file; nothing when it can't be read (errno says why). Read straight to the heap, see
/// memory.h.
std::optional<std::string> read_file(const std::string& path, std::size_t most = 65536);

/// Microseconds of the monotonic clock.
long long monotonic_microseconds();
/// Microseconds since the host was started, those asleep included: what /proc/PID/stat counts a start by.
long long boot_microseconds();
/// Microseconds since the epoch.
long long epoch_microseconds();

} // namespace davit::shim
