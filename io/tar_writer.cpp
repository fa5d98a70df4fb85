#include <utility>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "core/error.h"
#include "io/tar.h"

namespace davit::io {
namespace {

constexpr int block_bytes = 64 << 10; // how much goes to the sink at once

unsigned file_type_of(tar_kind kind) {
    switch (kind) {
    case tar_kind::file:
    case tar_kind::hard_link:
        return AE_IFREG;
    case tar_kind::directory:
        return AE_IFDIR;
    case tar_kind::symbolic_link:
        return AE_IFLNK;
    case tar_kind::character_device:
        return AE_IFCHR;
    case tar_kind::block_device:
        return AE_IFBLK;
    case tar_kind::fifo:
        return AE_IFIFO;
    }
    return AE_IFREG;
}

struct entry_deleter {
    void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};

/// While it lives, the library takes names for UTF-8, which pax records are written in; a name that is none is written
/// as its bytes, under the record hdrcharset=BINARY. In the "C" locale all but ASCII would be.
class utf8_names {
  public:
    utf8_names() noexcept : before_{uselocale(utf8())} {}
    ~utf8_names() { uselocale(before_); }
    utf8_names(const utf8_names&) = delete;
    utf8_names& operator=(const utf8_names&) = delete;

  private:
    static locale_t utf8() noexcept {
        static const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr); // kept for good
        return made;
    }

    locale_t before_;
};

} // namespace

tar_writer::tar_writer(sink to) : sink_{std::move(to)}, archive_{archive_write_new()} {
    const bool is_set_up = archive_ != nullptr && archive_write_set_format_pax(archive_) == ARCHIVE_OK &&
                           archive_write_set_format_option(archive_, "pax", "xattrheader", "SCHILY") == ARCHIVE_OK &&
                           archive_write_set_bytes_per_block(archive_, block_bytes) == ARCHIVE_OK &&
                           archive_write_set_bytes_in_last_block(archive_, 1) == ARCHIVE_OK &&
                           archive_write_open(archive_, this, nullptr, push, nullptr) == ARCHIVE_OK;
    if (!is_set_up) {
        archive_write_free(archive_);
        throw error(errc::internal, "libarchive can't write tar");
    }
}

tar_writer::~tar_writer() {
    is_abandoned_ = true;
    archive_write_free(archive_);
}

/// Once the library knows of a failure it no longer frees its buffers (3.6), so it is told of none while it is in use:
/// what the sink threw is thrown from the call that caused it, and the rest is dropped. Only an abandoned archive
/// fails, so that the library does not fill up what an entry lacks.
std::ptrdiff_t tar_writer::push(archive*, void* self, const void* bytes, std::size_t size) noexcept {
    auto& writer = *static_cast<tar_writer*>(self);
    if (writer.is_abandoned_) return -1;
    if (!writer.sink_failure_) {
        try {
            writer.sink_({static_cast<const std::byte*>(bytes), size});
        } catch (...) {
            writer.sink_failure_ = std::current_exception();
        }
    }
    return static_cast<std::ptrdiff_t>(size);
}

void tar_writer::check(int code) {
    if (sink_failure_) std::rethrow_exception(sink_failure_);
    if (code == ARCHIVE_OK) return;
    const char* reason = archive_error_string(archive_);
    throw error(errc::internal, "writing tar entry \"{}\": {}", path_, reason != nullptr ? reason : "failed");
}

void tar_writer::check_complete() const {
    if (missing_ != 0) throw error(errc::internal, "tar entry \"{}\" lacks {} bytes of its content", path_, missing_);
}

void tar_writer::add(const tar_entry& entry) {
    check_complete();
    path_ = entry.path;
    const utf8_names names;
    const std::unique_ptr<archive_entry, entry_deleter> raw{archive_entry_new()};
    archive_entry_copy_pathname(raw.get(), entry.path.c_str());
    archive_entry_set_filetype(raw.get(), file_type_of(entry.kind));
    archive_entry_set_perm(raw.get(), entry.mode & 07777);
    archive_entry_set_uid(raw.get(), entry.uid);
    archive_entry_set_gid(raw.get(), entry.gid);
    archive_entry_set_mtime(raw.get(), entry.mtime_seconds, entry.mtime_nanoseconds);
    missing_ = entry.kind == tar_kind::file ? entry.size : 0;
    archive_entry_set_size(raw.get(), static_cast<la_int64_t>(missing_));
    if (entry.kind == tar_kind::symbolic_link) archive_entry_copy_symlink(raw.get(), entry.link_target.c_str());
    if (entry.kind == tar_kind::hard_link) archive_entry_copy_hardlink(raw.get(), entry.link_target.c_str());
    if (entry.kind == tar_kind::character_device || entry.kind == tar_kind::block_device) {
        archive_entry_set_rdevmajor(raw.get(), entry.device_major);
        archive_entry_set_rdevminor(raw.get(), entry.device_minor);
    }
    for (const auto& [name, value] : entry.xattrs)
        archive_entry_xattr_add_entry(raw.get(), name.c_str(), value.data(), value.size());
    // A warning is about names that are not UTF-8, which are written all the same.
    const int code = archive_write_header(archive_, raw.get());
    check(code == ARCHIVE_WARN ? ARCHIVE_OK : code);
}

void tar_writer::write(std::span<const std::byte> bytes) {
    if (bytes.size() > missing_)
        throw error(errc::internal, "tar entry \"{}\" gets {} bytes more than its size", path_,
                    bytes.size() - missing_);
    missing_ -= bytes.size();
    while (!bytes.empty()) {
        const auto written = archive_write_data(archive_, bytes.data(), bytes.size());
        check(written > 0 ? ARCHIVE_OK : ARCHIVE_FATAL);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void tar_writer::add(const tar_entry& entry, std::string_view content) {
    tar_entry sized = entry;
    sized.size = content.size();
    add(sized);
    write(std::as_bytes(std::span{content}));
}

void tar_writer::finish() {
    check_complete();
    check(archive_write_close(archive_));
}

} // namespace davit::io
