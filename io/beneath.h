#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "io/descriptor.h"

namespace davit::io {

/// What becomes of symbolic links while a path is resolved below a directory (openat2(2)).
enum class links : std::uint8_t {
    refused, ///< None is followed, anywhere on the path (ELOOP); ".." and absolute paths may not lead out (EXDEV)
    in_root, ///< Followed as if the directory were "/": nothing leads out of it
};

/// Opens `path` below the open directory, close-on-exec, never crossing a mount and never through /proc's magic links.
/// An invalid descriptor and errno when that fails.
descriptor open_beneath(int directory, const std::string& path, int flags, links treat, mode_t mode = 0) noexcept;

/// Opens the directory `name` of `parent` (AT_FDCWD and a path for the first) for the engine alone: made with `mode`
/// when it is missing; one that was left looser is tightened. It has no other rights at any moment, whatever the umask.
/// Errors: denied when somebody else owns it; those of the system calls. A link at `name` is refused unless
/// `parent` is AT_FDCWD, where a user may have placed one.
descriptor open_private_directory(int parent, const std::string& name, mode_t mode = 0700);

} // namespace davit::io
