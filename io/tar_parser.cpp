#include "io/tar_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "io/tar_header.h"

namespace davit::io {
namespace {

using namespace tar_layout;

constexpr std::string_view xattr_prefix = "SCHILY.xattr.", sparse_prefix = "GNU.sparse.";

bool is_empty_block(std::string_view block) {
    return std::ranges::all_of(block, [](char c) { return c == '\0'; });
}

std::string header_path(std::string_view block) {
    const std::string_view name = tar_text(block.substr(name_at, name_size));
    if (block.substr(magic_at, magic_size) != std::string_view{"ustar\0"
                                                               "00",
                                                               8})
        return std::string{name};
    const bool is_star = block.substr(star_trailer_at, 4) == std::string_view{"tar\0", 4};
    const std::string_view prefix = tar_text(block.substr(prefix_at, is_star ? star_prefix_size : ustar_prefix_size));
    return prefix.empty() ? std::string{name} : fmt::format("{}/{}", prefix, name);
}

std::uint32_t id_number(const std::optional<std::int64_t>& number, bool& is_good) {
    // 2^32 - 1 means "unchanged" to chown(2).
    is_good = is_good && number && *number >= 0 && *number < std::numeric_limits<std::uint32_t>::max();
    return is_good ? static_cast<std::uint32_t>(*number) : 0;
}

} // namespace

// What the map of the present entry throws, with the entry's name.
template <class Call> auto tar_parser::of_sparse(Call call) const {
    try {
        return call();
    } catch (error& e) {
        e.while_doing("the archive's entry {:?}", shown_tar_name(entry_.path));
        throw;
    }
}

void tar_parser::feed(std::span<const std::byte> piece) {
    while (!piece.empty()) {
        switch (stage_) {
        case stage::header:
            piece = take_header(piece);
            break;
        case stage::extension:
            piece = take_extension(piece);
            break;
        case stage::sparse_map:
            piece = take_map(piece);
            break;
        case stage::content:
            piece = take_content(piece);
            break;
        case stage::padding: {
            const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(padding_, piece.size()));
            padding_ -= skipped;
            piece = piece.subspan(skipped);
            if (padding_ == 0) stage_ = stage::header;
            break;
        }
        case stage::ended:
            return; // what follows the end is part of the digest only
        }
    }
}

void tar_parser::finish() const {
    // Some programs leave out the empty blocks, but an entry has an end.
    if (stage_ == stage::ended || (stage_ == stage::header && filled_ == 0 && pax_.empty() && !has_long_path_)) return;
    throw error(errc::invalid, "the archive ends in the middle{}", place());
}

std::span<const std::byte> tar_parser::fill_block(std::span<const std::byte> piece) {
    const std::size_t taken = std::min(block_size - filled_, piece.size());
    std::memcpy(block_.data() + filled_, piece.data(), taken);
    filled_ += taken;
    return piece.subspan(taken);
}

std::span<const std::byte> tar_parser::take_header(std::span<const std::byte> piece) {
    const auto rest = fill_block(piece);
    if (filled_ == block_size) {
        filled_ = 0;
        parse_header();
    }
    return rest;
}

std::span<const std::byte> tar_parser::take_map(std::span<const std::byte> piece) {
    if (left_ < block_size) refuse("a sparse file whose map is cut");
    const auto rest = fill_block(piece);
    if (filled_ == block_size) {
        filled_ = 0;
        left_ -= block_size;
        if (of_sparse([&] { return sparse_.take_block({block_.data(), block_size}, limits_.extension_bytes); }))
            begin_content();
    }
    return rest;
}

std::span<const std::byte> tar_parser::take_extension(std::span<const std::byte> piece) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size()));
    extension_.append(reinterpret_cast<const char*>(piece.data()), taken);
    left_ -= taken;
    if (left_ == 0) end_extension();
    return piece.subspan(taken);
}

std::span<const std::byte> tar_parser::take_content(std::span<const std::byte> piece) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size()));
    receiver_.content(piece.first(taken));
    left_ -= taken;
    if (left_ == 0) next_segment();
    return piece.subspan(taken);
}

void tar_parser::parse_header() {
    const std::string_view block{block_.data(), block_size};
    if (is_empty_block(block)) {
        if (!pax_.empty() || has_long_path_ || has_long_link_) refuse("an extended header without an entry");
        if (saw_empty_block_) stage_ = stage::ended;
        saw_empty_block_ = true;
        return;
    }
    if (saw_empty_block_) refuse("an empty block between entries");
    if (!tar_checksum_is_right(block)) refuse("not a tar header, or a damaged one (wrong checksum)");
    if (++headers_ > limits_.entries)
        throw error(errc::too_large, "the archive has more than {} entries", limits_.entries);

    const auto size = tar_number(block.substr(size_at, long_size));
    if (!size || *size < 0) refuse("a size that is no size");
    const char type = block[type_at];
    switch (type) {
    case 'x':
    case 'g':
    case 'L':
    case 'K':
        begin_extension(type, static_cast<std::uint64_t>(*size));
        break;
    default:
        begin_entry(type, static_cast<std::uint64_t>(*size));
        break;
    }
}

void tar_parser::begin_extension(char type, std::uint64_t size) {
    if (size > limits_.extension_bytes || (extension_total_ += size) > limits_.extension_bytes)
        throw error(errc::too_large, "the archive has an extended header of more than {} bytes{}",
                    limits_.extension_bytes, place());
    extension_type_ = type;
    extension_.clear();
    left_ = size;
    padding_ = (block_size - size % block_size) % block_size;
    stage_ = stage::extension;
    if (left_ == 0) end_extension();
}

void tar_parser::end_extension() {
    stage_ = padding_ == 0 ? stage::header : stage::padding;
    switch (extension_type_) {
    case 'x':
        pax_.clear();
        if (!append_pax_records(extension_, pax_)) refuse("a malformed PAX header");
        break;
    case 'L':
        long_path_ = tar_text(extension_);
        has_long_path_ = true;
        break;
    case 'K':
        long_link_ = tar_text(extension_);
        has_long_link_ = true;
        break;
    default:
        break; // global PAX headers hold comments; nothing that concerns an entry is taken from them
    }
    extension_ = {};
}

void tar_parser::begin_entry(char type, std::uint64_t size) {
    const std::string_view block{block_.data(), block_size};
    entry_.path = has_long_path_ ? std::move(long_path_) : header_path(block);
    entry_.link_target =
        has_long_link_ ? std::move(long_link_) : std::string{tar_text(block.substr(link_at, link_size))};
    has_long_path_ = has_long_link_ = false;
    extension_total_ = 0;
    entry_.xattrs.clear();

    auto uid = tar_number(block.substr(uid_at, id_size));
    auto gid = tar_number(block.substr(gid_at, id_size));
    const auto mode = tar_number(block.substr(mode_at, id_size));
    const auto mtime = tar_number(block.substr(mtime_at, long_size));
    if (!mode || !mtime) refuse("a mode or a time that is none");
    entry_.mode = static_cast<std::uint32_t>(*mode & 07777);
    entry_.mtime_seconds = *mtime;
    entry_.mtime_nanoseconds = 0;

    sparse_ = {};
    std::string sparse_name;
    auto records = std::move(pax_);
    pax_.clear();
    for (auto& [key, value] : records) {
        // An empty value takes a record back (POSIX).
        if (key.starts_with(xattr_prefix)) {
            entry_.xattrs.emplace_back(key.substr(xattr_prefix.size()), std::move(value));
        } else if (value.empty()) {
            continue;
        } else if (key == "path") {
            entry_.path = std::move(value);
        } else if (key == "linkpath") {
            entry_.link_target = std::move(value);
        } else if (key == "uid") {
            uid = pax_number(value);
        } else if (key == "gid") {
            gid = pax_number(value);
        } else if (key == "size") {
            const auto told = pax_number(value);
            if (!told) refuse("a size that is no size");
            size = static_cast<std::uint64_t>(*told);
        } else if (key == "mtime") {
            if (!parse_pax_time(value, entry_.mtime_seconds, entry_.mtime_nanoseconds)) refuse("a time that is none");
        } else if (key == "GNU.sparse.name") {
            sparse_name = std::move(value);
        } else if (key.starts_with(sparse_prefix)) {
            of_sparse([&] { sparse_.take_record(key, value); });
        }
    }
    // The entry's own name is made up, for programs that do not know of sparse files.
    if (sparse_.is_told() && !sparse_name.empty()) entry_.path = std::move(sparse_name);
    if (entry_.path.find('\0') != std::string::npos || entry_.link_target.find('\0') != std::string::npos)
        refuse("a NUL in a name");
    bool ids_are_good = true;
    entry_.uid = id_number(uid, ids_are_good);
    entry_.gid = id_number(gid, ids_are_good);
    if (!ids_are_good) refuse("an owner that is none");

    entry_.device_major = entry_.device_minor = 0;
    switch (type) {
    case '\0':
    case '0':
    case '7':
        // Before there was a type for directories, their names ended in a slash.
        entry_.kind = entry_.path.ends_with('/') ? tar_kind::directory : tar_kind::file;
        break;
    case '1':
        entry_.kind = tar_kind::hard_link;
        break;
    case '2':
        entry_.kind = tar_kind::symbolic_link;
        break;
    case '3':
        entry_.kind = tar_kind::character_device;
        break;
    case '4':
        entry_.kind = tar_kind::block_device;
        break;
    case '5':
        entry_.kind = tar_kind::directory;
        break;
    case '6':
        entry_.kind = tar_kind::fifo;
        break;
    case 'S':
        refuse("a sparse file of the old GNU kind, which no engine takes; make the layer with tar --format=posix");
    default:
        refuse(fmt::format("an entry of unknown kind {:#04x}", static_cast<unsigned char>(type)));
    }
    if (entry_.kind == tar_kind::character_device || entry_.kind == tar_kind::block_device) {
        bool numbers_are_good = true;
        entry_.device_major = id_number(tar_number(block.substr(major_at, id_size)), numbers_are_good);
        entry_.device_minor = id_number(tar_number(block.substr(minor_at, id_size)), numbers_are_good);
        if (!numbers_are_good) refuse("a device number that is none");
    }
    if (sparse_.is_told() && entry_.kind != tar_kind::file) refuse("something sparse that is no file");
    // Links, directories and devices have no content, whatever their size says (as programs write them).
    left_ = entry_.kind == tar_kind::file ? size : 0;
    padding_ = (block_size - left_ % block_size) % block_size;
    entry_.size = sparse_.size().value_or(left_);
    receiver_.begin_entry(entry_);
    if (sparse_.is_told() && of_sparse([&] { return sparse_.is_in_content(); }))
        stage_ = stage::sparse_map;
    else
        begin_content();
}

void tar_parser::begin_content() {
    if (sparse_.is_told())
        segments_ = of_sparse([&] { return sparse_.take_segments(entry_.size, left_); });
    else
        segments_.assign(1, {0, left_});
    next_segment_ = 0;
    position_ = 0;
    next_segment();
}

void tar_parser::next_segment() {
    while (next_segment_ < segments_.size()) {
        const tar_segment& segment = segments_[next_segment_++];
        if (segment.offset > position_) receiver_.hole(segment.offset - position_);
        position_ = segment.offset + segment.size;
        left_ = segment.size;
        if (left_ == 0) continue;
        stage_ = stage::content;
        return;
    }
    if (entry_.size > position_) receiver_.hole(entry_.size - position_);
    receiver_.end_entry();
    stage_ = padding_ == 0 ? stage::header : stage::padding;
}

void tar_parser::refuse(std::string_view reason) const {
    throw error(errc::invalid, "the archive has {}{}", reason, place());
}

std::string tar_parser::place() const {
    if (entry_.path.empty()) return ", at its begin";
    return fmt::format(", at or after {:?}", shown_tar_name(entry_.path));
}

} // namespace davit::io
