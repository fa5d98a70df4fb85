#include <algorithm>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "core/error.h"
#include "io/tar.h"
#include "io/tar_header.h"
#include "io/tar_header_check.h"

namespace davit::io {
namespace {

constexpr std::size_t read_size = 64u << 10;

std::string or_empty(const char* text) {
    return text != nullptr ? text : "";
}

/// A number of the entry that must fit 32 bits without sign.
std::uint32_t bounded(std::int64_t value, std::string_view name, const std::string& path) {
    if (value < 0 || value > 0xFFFF'FFFF)
        throw error(errc::invalid, "tar entry {:?}: its {} {} is out of range", shown_tar_name(path), name, value);
    return static_cast<std::uint32_t>(value);
}

tar_kind kind_of(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr) return tar_kind::hard_link;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return tar_kind::file;
    case AE_IFDIR:
        return tar_kind::directory;
    case AE_IFLNK:
        return tar_kind::symbolic_link;
    case AE_IFCHR:
        return tar_kind::character_device;
    case AE_IFBLK:
        return tar_kind::block_device;
    case AE_IFIFO:
        return tar_kind::fifo;
    default:
        break;
    }
    throw error(errc::invalid, "tar entry {:?}: unknown kind of file",
                shown_tar_name(or_empty(archive_entry_pathname(entry))));
}

} // namespace

tar_reader::tar_reader(source from, tar_reader_limits limits)
    : source_{std::move(from)}, limits_{limits}, archive_{archive_read_new()} {
    // Names stay the bytes that they are as long as the process's character set is "C": the library then finds that it
    // can't convert them and keeps them (which it reports as a warning, so warnings are no errors here).
    if (archive_ == nullptr || archive_read_support_format_tar(archive_) != ARCHIVE_OK) {
        archive_read_free(archive_);
        throw error(errc::internal, "libarchive can't read tar");
    }
}

tar_reader::~tar_reader() {
    archive_read_free(archive_);
}

std::uint64_t tar_reader::consumed() const {
    return static_cast<std::uint64_t>(archive_filter_bytes(archive_, 0));
}

/// Gives the library the next bytes. It has copied what it needs of those before.
std::span<const std::byte> tar_reader::pull_block() {
    const auto keep_from = is_reading_header_ ? header_start_ : consumed();
    const auto dropped = std::min<std::uint64_t>(keep_from - window_start_, window_.size());
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(dropped));
    window_start_ += dropped;
    const auto kept = window_.size();
    if (is_reading_header_ && kept > limits_.header_bytes + read_size)
        throw error(errc::too_large, "the headers of tar entry {} are over {} bytes, which is the limit", entries_ + 1,
                    limits_.header_bytes);
    window_.resize(kept + read_size);
    const auto size = source_(std::span{window_}.subspan(kept));
    window_.resize(kept + size);
    return std::span{window_}.subspan(kept);
}

std::ptrdiff_t tar_reader::pull(archive* from, void* self, const void** bytes) noexcept {
    auto& reader = *static_cast<tar_reader*>(self);
    try {
        const auto block = reader.pull_block();
        *bytes = block.data();
        return static_cast<std::ptrdiff_t>(block.size());
    } catch (...) {
        reader.source_failure_ = std::current_exception();
        archive_set_error(from, EIO, "the source failed");
        return -1;
    }
}

std::span<const std::byte> tar_reader::raw_headers() const {
    return std::span{window_}.subspan(static_cast<std::size_t>(header_start_ - window_start_));
}

tar_header_facts tar_reader::check_headers() {
    try {
        return check_tar_headers(raw_headers(), limits_.header_bytes);
    } catch (error& refused) {
        refused.while_doing("tar entry {} ({:?})", entries_ + 1, shown_tar_name(name_in_tar_headers(raw_headers())));
        throw;
    }
}

void tar_reader::fail(int code) {
    const bool was_reading_header = std::exchange(is_reading_header_, false);
    is_at_end_ = true;
    if (source_failure_) std::rethrow_exception(std::exchange(source_failure_, nullptr));
    if (code == ARCHIVE_FATAL && !is_open_) throw error(errc::invalid, "this is not a tar archive");
    const std::string reason = or_empty(archive_error_string(archive_));
    if (!was_reading_header) throw error(errc::invalid, "tar entry {:?}: {}", shown_tar_name(entry_.path), reason);
    check_headers(); // whose reason is the better one
    throw error(errc::invalid, "tar entry {} ({:?}): {}", entries_ + 1,
                shown_tar_name(name_in_tar_headers(raw_headers())), reason);
}

void tar_reader::open() {
    if (const int code = archive_read_open(archive_, this, nullptr, pull, nullptr); code != ARCHIVE_OK) {
        is_at_end_ = true;
        if (!source_failure_ && window_.empty()) return; // an empty stream is an archive without entries
        fail(code);
    }
    is_open_ = true;
}

void tar_reader::skip_content() {
    if (entries_ == 0) return;
    if (const int code = archive_read_data_skip(archive_); code != ARCHIVE_OK && code != ARCHIVE_WARN) fail(code);
}

const tar_entry* tar_reader::next() {
    if (!is_open_ && !is_at_end_) open();
    if (is_at_end_) return nullptr;
    skip_content();
    header_start_ = consumed();
    is_reading_header_ = true;
    const int code = archive_read_next_header(archive_, &raw_entry_);
    if (code == ARCHIVE_EOF) {
        is_at_end_ = true;
        return nullptr;
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail(code);
    is_reading_header_ = false;
    is_at_end_ = true; // until the entry has proved right
    if (consumed() - header_start_ > limits_.header_bytes)
        throw error(errc::too_large, "the headers of tar entry {} are over {} bytes, which is the limit", entries_ + 1,
                    limits_.header_bytes);
    auto facts = check_headers();
    if (++entries_ > limits_.entries)
        throw error(errc::too_large, "the tar archive has more than {} entries, which is the limit", limits_.entries);
    read_entry(std::move(facts));
    is_at_end_ = false;
    return &entry_;
}

void tar_reader::read_entry(tar_header_facts facts) {
    entry_ = {};
    next_offset_ = 0;
    entry_.path = or_empty(archive_entry_pathname(raw_entry_));
    entry_.kind = facts.type == '1' ? tar_kind::hard_link : kind_of(raw_entry_);
    if (entry_.kind == tar_kind::symbolic_link) entry_.link_target = or_empty(archive_entry_symlink(raw_entry_));
    if (entry_.kind == tar_kind::hard_link) entry_.link_target = or_empty(archive_entry_hardlink(raw_entry_));
    if (entry_.link_target.empty() && (entry_.kind == tar_kind::symbolic_link || entry_.kind == tar_kind::hard_link))
        entry_.link_target = std::move(facts.link);
    entry_.mode = static_cast<std::uint32_t>(archive_entry_perm(raw_entry_)) & 07777;
    entry_.uid = bounded(archive_entry_uid(raw_entry_), "user id", entry_.path);
    entry_.gid = bounded(archive_entry_gid(raw_entry_), "group id", entry_.path);
    const auto nanoseconds = archive_entry_mtime_nsec(raw_entry_);
    entry_.mtime_seconds = archive_entry_mtime(raw_entry_);
    entry_.mtime_nanoseconds = static_cast<std::uint32_t>(std::clamp(nanoseconds, 0L, 999'999'999L));
    if (entry_.kind == tar_kind::character_device || entry_.kind == tar_kind::block_device) {
        const auto number = [](dev_t device) { return static_cast<std::int64_t>(device); };
        entry_.device_major = bounded(number(archive_entry_rdevmajor(raw_entry_)), "device number", entry_.path);
        entry_.device_minor = bounded(number(archive_entry_rdevminor(raw_entry_)), "device number", entry_.path);
    }
    check_sizes();
    read_xattrs();
}

void tar_reader::check_sizes() {
    if (entry_.path.empty()) throw error(errc::invalid, "tar entry {} has no path", entries_);
    if (entry_.path.size() > limits_.path_bytes)
        throw error(errc::too_large, "tar entry {:?}: its path is over {} bytes, which is the limit",
                    shown_tar_name(entry_.path), limits_.path_bytes);
    if (entry_.link_target.size() > limits_.link_bytes)
        throw error(errc::too_large, "tar entry {:?}: its link target is over {} bytes, which is the limit",
                    shown_tar_name(entry_.path), limits_.link_bytes);
    const bool is_link = entry_.kind == tar_kind::symbolic_link || entry_.kind == tar_kind::hard_link;
    if (is_link && entry_.link_target.empty())
        throw error(errc::invalid, "tar entry {:?} links to nothing", shown_tar_name(entry_.path));
    const std::int64_t size = archive_entry_size(raw_entry_);
    if (size < 0)
        throw error(errc::invalid, "tar entry {:?}: its size {} is negative", shown_tar_name(entry_.path), size);
    if (entry_.kind != tar_kind::file) return;
    entry_.size = static_cast<std::uint64_t>(size);
    if (entry_.size > limits_.total_bytes - total_bytes_)
        throw error(errc::too_large,
                    "tar entry {:?}: with its {} bytes the archive holds more than {}, which is the limit",
                    shown_tar_name(entry_.path), entry_.size, limits_.total_bytes);
    total_bytes_ += entry_.size;
}

void tar_reader::read_xattrs() {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    archive_entry_xattr_reset(raw_entry_);
    while (archive_entry_xattr_next(raw_entry_, &name, &value, &size) == ARCHIVE_OK) {
        if (size > limits_.xattr_bytes)
            throw error(errc::too_large, "tar entry {:?}: an extended attribute is over {} bytes, which is the limit",
                        shown_tar_name(entry_.path), limits_.xattr_bytes);
        entry_.xattrs.emplace_back(or_empty(name), std::string(static_cast<const char*>(value), size));
    }
}

std::optional<tar_reader::block> tar_reader::next_block() {
    if (is_at_end_ || entries_ == 0 || entry_.kind != tar_kind::file) return std::nullopt;
    while (true) {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        const int code = archive_read_data_block(archive_, &bytes, &size, &offset);
        if (code == ARCHIVE_EOF) return std::nullopt;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail(code);
        if (size == 0) continue;
        const auto start = static_cast<std::uint64_t>(offset);
        if (offset < 0 || start < next_offset_ || start > entry_.size || size > entry_.size - start) {
            is_at_end_ = true;
            throw error(errc::invalid, "tar entry {:?}: its sparse map does not fit its size",
                        shown_tar_name(entry_.path));
        }
        next_offset_ = start + size;
        return block{start, {static_cast<const std::byte*>(bytes), size}};
    }
}

std::string tar_reader::read_content(std::size_t most) {
    if (entry_.size > most)
        throw error(errc::too_large, "tar entry {:?}: its content is over {} bytes, which is the limit",
                    shown_tar_name(entry_.path), most);
    std::string content(static_cast<std::size_t>(entry_.size), '\0');
    while (const auto piece = next_block())
        std::copy_n(reinterpret_cast<const char*>(piece->bytes.data()), piece->bytes.size(),
                    content.begin() + static_cast<std::ptrdiff_t>(piece->offset));
    return content;
}

} // namespace davit::io
