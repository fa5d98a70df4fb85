#pragma once

#include <string>
#include <vector>

namespace davit::io {

/// The names in an open directory, but for "." and ".."; in no order. The descriptor stays the caller's, and its
/// position as it is. Blocks: for workers. Errors: system.
std::vector<std::string> names_in(int directory);

/// Asks the file system to put the directories that are made in this one far from each other, as it does with those of
/// "/": ext4's top-of-hierarchy flag (chattr(1), T); other file systems don't know it and stay as they are.
///
/// Otherwise ext4 puts all of them into one block group. It does not use an inode again for some minutes after it was
/// deleted, and whoever makes files in such a group looks at all of those first: with many short containers, and with a
/// pull after removing an image, making files took ten times as long.
void spread_children(int directory) noexcept;

} // namespace davit::io
