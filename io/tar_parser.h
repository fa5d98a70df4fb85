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

namespace davit::io {

struct tar_limits {
    std::uint64_t entries = 750'000;        ///< Headers in all, extended ones too
    std::size_t extension_bytes = 1u << 20; ///< The extended headers of one entry
};

/// Takes what a parser finds. An exception from it ends the parsing.
class tar_receiver {
  public:
    virtual void begin_entry(const tar_entry& entry) = 0;
    /// A piece of a file's content, in order; never empty.
    virtual void content(std::span<const std::byte> piece) = 0;
    virtual void end_entry() = 0;

  protected:
    ~tar_receiver() = default;
};

/// Reads a tar archive that arrives in pieces of any size: ustar, GNU (long names, base-256 numbers), star and PAX
/// headers (POSIX.1-2024, pax §ustar Interchange Format and §pax Header Block; tar(5)).
///
/// It is fed rather than a reader that pulls (as libarchive is), so that an archive that comes over a network occupies
/// no thread while nothing comes. It keeps the headers of one entry and no content. Nothing else than tar is taken;
/// sparse files (whose maps have no bound) and unknown kinds are refused.
/// Errors: invalid (damaged, ends in the middle, not an archive; names the entry), too_large (a limit).
class tar_parser {
  public:
    explicit tar_parser(tar_receiver& receiver, tar_limits limits = {}) : receiver_{receiver}, limits_{limits} {}

    void feed(std::span<const std::byte> piece);
    /// No more will come. Errors: invalid when the archive is cut.
    void finish() const;

  private:
    static constexpr std::size_t block_size = 512;
    enum class stage : std::uint8_t { header, extension, content, padding, ended };

    std::span<const std::byte> take_header(std::span<const std::byte> piece);
    std::span<const std::byte> take_extension(std::span<const std::byte> piece);
    std::span<const std::byte> take_content(std::span<const std::byte> piece);
    void parse_header();
    void begin_extension(char type, std::uint64_t size);
    void end_extension();
    void begin_entry(char type, std::uint64_t size);
    [[noreturn]] void refuse(std::string_view reason) const;

    tar_receiver& receiver_;
    tar_limits limits_;
    stage stage_ = stage::header;
    std::array<char, block_size> block_{};
    std::size_t filled_ = 0;    // of block_
    std::uint64_t left_ = 0;    // of the content or the extension
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
};

} // namespace davit::io
