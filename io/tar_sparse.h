#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace davit::io {

/// A run of a file's bytes that an archive holds; what lies between runs is a hole.
struct tar_segment {
    std::uint64_t offset = 0; ///< In the file
    std::uint64_t size = 0;
};

/// The map of one sparse file in a PAX archive, in GNU tar's three formats (GNU tar manual, §Storing Sparse Files):
/// 0.0 has a record for each number, 0.1 has all of them in one record, 1.0 puts them as lines in front of the content.
/// A malformed number, an unknown version or a map that contradicts itself is invalid, with a reason to be shown; more
/// than the caller's bound of bytes is too_large.
class tar_sparse_map {
  public:
    /// A record whose key begins with "GNU.sparse.", but the name's. The records of one entry are bounded by the
    /// caller.
    void take_record(std::string_view key, std::string_view value);
    /// Whether there was a record that speaks of a sparse file.
    bool is_told() const noexcept { return is_told_; }
    /// After the records: whether the map is still to come, in front of the content (format 1.0).
    bool is_in_content() const;

    /// A block of the map in front of the content. True when it was the last one; what follows the map in it is
    /// padding. All blocks together may have `most` bytes.
    bool take_block(std::string_view block, std::size_t most);

    /// The file's size with its holes, when a record told it.
    std::optional<std::uint64_t> size() const noexcept { return size_; }
    /// The map, when it is whole: rising, without overlap, within `file_size`, and with `stored` bytes in all.
    std::vector<tar_segment> take_segments(std::uint64_t file_size, std::uint64_t stored);

  private:
    void take_number(std::uint64_t number);

    bool is_told_ = false;
    std::string_view major_, minor_; // one of the known digits, or "?"
    std::optional<std::uint64_t> size_;
    std::optional<std::uint64_t> count_; // of segments
    std::vector<tar_segment> segments_;
    bool wants_size_ = false; // of the last segment

    std::size_t block_bytes_ = 0;
    std::uint64_t number_ = 0; // the line that is being read
    unsigned digits_ = 0;
};

} // namespace davit::io
