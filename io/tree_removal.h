#pragma once

#include <cstddef>
#include <string>

namespace davit::io {

/// Removes a file, a link or a part of a tree: at most about `budget` entries of what `name` (no slash) of the open
/// directory is, so that a large tree can be removed in slices. True when nothing of it is left, or was there.
///
/// Blocks: it belongs on a worker. Links are removed, never followed; a mount inside is not entered. However deep the
/// tree is, at most 64 directories are open at once.
/// Errors: conflict (something is mounted inside), those of the system calls; what was removed before stays removed.
bool remove_some(int directory, const std::string& name, std::size_t budget);

/// The same to its end.
void remove_whole(int directory, const std::string& name);

} // namespace davit::io
