#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/tar_entry.h"

struct archive;
struct archive_entry;

namespace davit::io {

struct tar_header_facts;

/// What one archive may ask for; each is refused with too_large and its name.
struct tar_reader_limits {
    std::size_t path_bytes = 4096; ///< PATH_MAX
    std::size_t link_bytes = 4096;
    std::size_t xattr_bytes = 64u << 10; ///< One value: what Linux takes (xattr(7))
    std::size_t header_bytes = 1u << 20; ///< All headers of one entry: pax records, long names, sparse maps
    std::uint64_t entries = 5'000'000;
    std::uint64_t total_bytes = 64ull << 30; ///< Sum of the sizes of all files, holes counted
};

/// Reads a tar archive front to back on bounded memory, through libarchive: it knows every tar format, sparse files
/// too, and pulls from a source that is there already. (For an archive that arrives over a network: tar_parser.) It
/// blocks where its source does, so it belongs on a worker; one thread at a time. Only tar is understood: no
/// compression, no other format, no program is ever started. What comes after the archive's end is left in the source.
/// After an error nothing more can be read. Errors: invalid (not a tar archive, damaged, cut off, a name or number that
/// can't be right: with the entry's path), too_large (see tar_reader_limits), and whatever the source throws.
class tar_reader {
  public:
    /// Fills a part of the buffer; the number of bytes, 0 at the end.
    using source = std::function<std::size_t(std::span<std::byte>)>;

    explicit tar_reader(source from, tar_reader_limits limits = {});
    ~tar_reader();
    tar_reader(const tar_reader&) = delete;
    tar_reader& operator=(const tar_reader&) = delete;

    /// Goes to the next entry, over what is left of this one's content; nullptr after the last. The entry lives until
    /// the next call.
    const tar_entry* next();

    /// A piece of the present entry's content; what lies between pieces is a hole.
    struct block {
        std::uint64_t offset;
        std::span<const std::byte> bytes; ///< Lives until the next call
    };
    /// The next piece, in rising order; nothing when there is none left.
    std::optional<block> next_block();

    /// The present entry's whole content, holes as zeros. Errors: too_large (more than `most` bytes).
    std::string read_content(std::size_t most);

  private:
    static std::ptrdiff_t pull(archive*, void* self, const void** bytes) noexcept;
    std::span<const std::byte> pull_block();
    void open();
    void skip_content();
    void read_entry(tar_header_facts facts);
    void read_xattrs();
    void check_sizes();
    tar_header_facts check_headers();
    std::span<const std::byte> raw_headers() const;
    [[noreturn]] void fail(int code);
    std::uint64_t consumed() const;

    source source_;
    tar_reader_limits limits_;
    archive* archive_;
    archive_entry* raw_entry_ = nullptr;
    tar_entry entry_;
    std::exception_ptr source_failure_;
    // The bytes that the library was given and has not consumed, or that belong to the headers being read.
    std::vector<std::byte> window_;
    std::uint64_t window_start_ = 0; // its offset in the stream
    std::uint64_t header_start_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t total_bytes_ = 0;
    std::uint64_t next_offset_ = 0; // where the next block may begin
    bool is_open_ = false;
    bool is_reading_header_ = true;
    bool is_at_end_ = false;
};

/// Writes a pax archive: plain ustar headers where they suffice, pax records for long names, large numbers, fractions
/// of seconds and xattrs. Equal entries give equal bytes. It blocks where its sink does.
class tar_writer {
  public:
    using sink = std::function<void(std::span<const std::byte>)>;

    explicit tar_writer(sink to);
    ~tar_writer();
    tar_writer(const tar_writer&) = delete;
    tar_writer& operator=(const tar_writer&) = delete;

    /// Begins an entry; the one before must have got all its content.
    void add(const tar_entry& entry);
    /// Content of the present entry. Errors: internal (more than its size).
    void write(std::span<const std::byte> bytes);
    void add(const tar_entry& entry, std::string_view content);
    /// Writes the end of the archive. Without it, the archive is cut off.
    void finish();

  private:
    static std::ptrdiff_t push(archive*, void* self, const void* bytes, std::size_t size) noexcept;
    void check_complete() const;
    void check(int code);

    sink sink_;
    archive* archive_;
    bool is_abandoned_ = false;
    std::exception_ptr sink_failure_; // of the first failure; every later call throws it again
    std::string path_;                // of the present entry
    std::uint64_t missing_ = 0;       // bytes of its content that are still to come
};

} // namespace davit::io
