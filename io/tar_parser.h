#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tar_entry.h"
#include "io/tar_header.h"
#include "io/tar_sparse.h"

namespace davit::io {

struct tar_limits {
    std::uint64_t entries = 750'000;        ///< Headers in all, extended ones too
    std::size_t extension_bytes = 1u << 20; ///< The extended headers of one entry; as much for its sparse map
};

/// Takes what a parser finds. An exception from it ends the parsing.
class tar_receiver {
  public:
    virtual void begin_entry(const tar_entry& entry) = 0;
    /// A piece of a file's content, in order; never empty.
    virtual void content(std::span<const std::byte> piece) = 0;
    /// So many zero bytes of a sparse file's content, in order with its pieces; never none.
    virtual void hole(std::uint64_t bytes) = 0;
    virtual void end_entry() = 0;

  protected:
    ~tar_receiver() = default;
};

/// Reads a tar archive that arrives in pieces of any size: ustar, GNU (long names, base-256 numbers), star and PAX
/// headers (POSIX.1-2024, pax §ustar Interchange Format and §pax Header Block; tar(5)).
///
/// It is fed rather than a reader that pulls (as libarchive is), so that an archive that comes over a network occupies
/// no thread while nothing comes. It keeps the headers of one entry and no content. Sparse files are read from PAX
/// archives (all three formats, see tar_sparse_map); the old GNU kind is refused, as Docker and Podman do, and so is
/// every unknown kind. Nothing else than tar is taken.
/// Errors: invalid (damaged, ends in the middle, not an archive; names the entry), too_large (a limit).
class tar_parser {
  public:
    explicit tar_parser(tar_receiver& receiver, tar_limits limits = {}) : receiver_{receiver}, limits_{limits} {}

    void feed(std::span<const std::byte> piece);
    /// No more will come. Errors: invalid when the archive is cut.
    void finish() const;

  private:
    enum class stage : std::uint8_t { header, extension, sparse_map, content, padding, ended };

    std::span<const std::byte> take_header(std::span<const std::byte> piece);
    std::span<const std::byte> take_extension(std::span<const std::byte> piece);
    std::span<const std::byte> take_map(std::span<const std::byte> piece);
    std::span<const std::byte> take_content(std::span<const std::byte> piece);
    std::span<const std::byte> fill_block(std::span<const std::byte> piece);
    void parse_header();
    void begin_extension(char type, std::uint64_t size);
    void end_extension();
    void begin_entry(char type, std::uint64_t size);
    void begin_content();
    void next_segment();
    template <class Call> auto of_sparse(Call call) const;
    [[noreturn]] void refuse(std::string_view reason) const;
    std::string place() const; ///< What an error ends with: where in the archive

    tar_receiver& receiver_;
    tar_limits limits_;
    stage stage_ = stage::header;
    std::array<char, tar_layout::block_size> block_{};
    std::size_t filled_ = 0;    // of block_
    std::uint64_t left_ = 0;    // of the extension, the segment, or map and content together
    std::uint64_t padding_ = 0; // after it
    std::uint64_t headers_ = 0;
    std::size_t extension_total_ = 0;
    bool saw_empty_block_ = false;
    char extension_type_ = 0;
    std::string extension_;
    std::string long_path_, long_link_;
    bool has_long_path_ = false, has_long_link_ = false;
    std::vector<std::pair<std::string, std::string>> pax_; // of the next entry
    tar_entry entry_;
    tar_sparse_map sparse_;             // of the present entry
    std::vector<tar_segment> segments_; // of its content; one when it is not sparse
    std::size_t next_segment_ = 0;
    std::uint64_t position_ = 0; // in its content, behind the segment
};

} // namespace davit::io
