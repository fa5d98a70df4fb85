#pragma once

#include <cstdint>
#include <string>

#include "io/descriptor.h"

namespace davit {

/// The files of one log. The newest has the plain path; each rotation renames it to .1, that to .2, and so on. A
/// generation counts rotations, so that a reader finds the file it was reading under whatever name it has by now.
/// All functions block: they are called on workers.
class log_files {
  public:
    log_files(std::string path, std::uint64_t most_files) : path_{std::move(path)}, most_files_{most_files} {}

    const std::string& path() const noexcept { return path_; }

    /// Opens the newest file for appending, making it (0640). Links are not followed. Errors: those of open(2).
    io::descriptor open_for_writing() const;
    /// Opens the file that `age` rotations followed; nothing when there is none any more.
    io::descriptor open_for_reading(std::uint64_t age) const;
    /// Makes room for a new newest file.
    void rotate() const;
    /// Undoes `rotate`: the newest file is deleted, the one before takes its place.
    void unrotate() const;
    /// How many files there are.
    std::uint64_t count() const;

  private:
    std::string name(std::uint64_t age) const { return age == 0 ? path_ : path_ + "." + std::to_string(age); }

    std::string path_;
    std::uint64_t most_files_;
};

/// Where the last `lines` records of a file begin, reading backwards from `end`. When it has fewer, the beginning, and
/// `lines` is lessened by those it has.
std::uint64_t find_tail(int file, std::uint64_t end, std::uint64_t& lines);

} // namespace davit
