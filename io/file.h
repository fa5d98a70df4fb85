#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "core/task.h"

/// Whole-file and directory operations, on the worker pool. All errors name the path and keep the errno.
namespace davit::io {

/// The whole content of a regular file. Errors: not_found, denied, too_large (more than `limit` bytes), invalid (no
/// regular file: a FIFO or a device is not waited for).
task<std::string> read_file(std::string path, std::size_t limit);
/// As read_file, and nothing when there is no such file.
task<std::optional<std::string>> find_file(std::string path, std::size_t limit);

enum class durability : std::uint8_t {
    cached, ///< a crash of the host may lose it
    synced, ///< on disk when the await ends, file and name
};

/// Replaces the file in one step: whoever reads the path sees the old content or the new one, whole.
/// A temporary file of final mode is made beside it (exclusively) and renamed over it; nothing else is left on failure.
task<void> write_file_atomically(std::string path, std::string content, mode_t mode,
                                 durability keeps = durability::cached);

/// Makes the directory and its missing parents with `mode`, whatever the umask. One that exists is left as it is.
task<void> make_directories(std::string path, mode_t mode);

/// Removes a file or a tree. Links are removed, never followed; a mount inside is not entered and makes it fail
/// (errc::conflict). A path that does not exist is no error. Below an open directory: io/tree_removal.h.
task<void> remove_tree(std::string path);

struct directory_entry {
    std::string name;
    enum class type : std::uint8_t { file, directory, link, other } kind;
};
/// All entries but . and .., sorted by name.
task<std::vector<directory_entry>> list_directory(std::string path);

/// Bytes of a regular file; nothing when it does not exist. Links are followed.
task<std::optional<std::uint64_t>> file_size(std::string path);
/// Whether something is at the path (links not followed).
task<bool> path_exists(std::string path);

/// Renames, replacing what is there. `durability::synced` syncs both directories.
task<void> rename_path(std::string from, std::string to, durability keeps = durability::cached);
/// Removes one file or link. One that does not exist is no error.
task<void> remove_file(std::string path);

} // namespace davit::io
