#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include "core/storage_driver.h"
#include "io/descriptor.h"
#include "io/tar_parser.h"
#include "modules/images/layer_path.h"

namespace davit {

struct unpack_limits {
    std::uint64_t entries = 750'000;              ///< Headers of the archive, and as many files and directories made
    std::uint64_t content_bytes = 64ull << 30;    ///< Of all files, holes counted: what a copy may come to take
    std::size_t directory_path_bytes = 64u << 20; ///< Names that are remembered until the end, for directories' times
};

/// Unpacks one layer's archive, fed in pieces, into a directory: hostile input. It blocks, on a worker.
///
/// Every operation goes through descriptors below the root. A link inside the layer is followed as if the root were
/// "/", as Docker's unpacking inside a chroot does; nothing leads out. What exists in an entry's place is replaced,
/// but a directory that comes again keeps its content. Hard links lead to files and links of this layer only. Owner,
/// mode, xattrs and times are set on the descriptor that was just made. Of xattrs, `user.*` and `security.capability`
/// are kept: overlayfs' own and those of security modules are not the image's to choose.
/// Errors: invalid (the archive; names the entry), too_large (a limit), those of the system calls.
class layer_unpack final : private io::tar_receiver {
  public:
    layer_unpack(io::descriptor root, whiteout_style whiteouts, unpack_limits limits = {});

    void feed(std::span<const std::byte> piece) { parser_.feed(piece); }
    /// No more will come: directories get their times.
    void finish();

    /// The bytes of all files, each counted once and with its holes: what Docker calls a layer's size.
    std::uint64_t content_bytes() const noexcept { return content_bytes_; }

  private:
    void begin_entry(const io::tar_entry& entry) override;
    void content(std::span<const std::byte> piece) override;
    void hole(std::uint64_t bytes) override;
    void end_entry() override;

    void make(const io::tar_entry& entry);
    void make_directory(const io::tar_entry& entry);
    void make_file();
    void make_hard_link(const io::tar_entry& entry);
    void make_symbolic_link(const io::tar_entry& entry);
    void make_node(const io::tar_entry& entry);
    void make_whiteout(const io::tar_entry& entry);
    void make_opaque_mark(const io::tar_entry& entry);
    void finish_file();

    /// The open directory that the present entry goes into; made, with those above it, when it is missing.
    int parent();
    io::descriptor make_parents(const std::string& path);
    io::descriptor open_directory(const std::string& path) const noexcept;
    void count_made();
    void count_content(std::uint64_t bytes);

    enum class in_the_way : std::uint8_t { nothing, something, whiteout };
    /// Removes what has the present entry's name.
    in_the_way clear_way();
    template <class Create> in_the_way create(Create call, const char* what);

    void set_directory_facts(int fd, const std::string& path, const io::tar_entry& entry);

    io::descriptor root_;
    whiteout_style whiteouts_;
    unpack_limits limits_;
    io::tar_parser parser_;

    layer_path path_; // the present entry's
    const io::tar_entry* entry_ = nullptr;
    io::descriptor file_;
    bool ends_in_hole_ = false;
    io::descriptor parent_; // of the entries at parent_path_
    std::string parent_path_;
    bool parent_is_known_ = false;

    struct directory_times {
        std::string path;
        dev_t device;
        ino_t inode;
        std::int64_t seconds;
        std::uint32_t nanoseconds;
    };
    std::vector<directory_times> directories_;
    std::size_t directory_path_bytes_ = 0;
    std::uint64_t made_ = 0;
    std::uint64_t content_bytes_ = 0;
};

} // namespace davit
