#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "io/descriptor.h"

namespace davit {

/// What a container has written since its last newline, of each of its streams, and how far the log was written then.
struct unfinished_state {
    std::uint64_t sequence = 0;       ///< Counts appends
    std::uint64_t generation = 0;     ///< Counts rotations
    std::uint64_t log_size = 0;       ///< Bytes of the newest file
    std::array<std::string, 2> lines; ///< By stream: at most one part (16 KiB) each
};

/// Keeps the states of the last two appends in a small file beside the log: an engine that comes back goes on with the
/// newer, or, when that append has to be taken back, with the older. The file is made by the first append, since most
/// of the containers that live for milliseconds say nothing. All functions block: they are called on workers.
class unfinished_lines {
  public:
    explicit unfinished_lines(std::string path) : path_{std::move(path)} {}

    /// The newest state; the default when there is none. Errors: those of the file system.
    unfinished_state load();
    /// Writes a state over the older of the two. A state without lines costs one small write.
    void save(const unfinished_state& state);
    /// Gives the descriptor back; the next call opens the file again.
    void close() noexcept { file_.close(); }
    /// The state of that append. Errors: internal when it is not one of the last two.
    unfinished_state find(std::uint64_t sequence);

  private:
    /// False when the file is missing and `flags` don't make it.
    bool open(int flags);
    bool read(std::size_t slot, unfinished_state& into) const;

    std::string path_;
    io::descriptor file_;
};

} // namespace davit
