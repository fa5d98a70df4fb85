#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <optional>
#include <string>
#include <sys/ioctl.h>

#include "io/descriptor.h"

namespace davit {

/// Whether the file system has places on the disk for all of a file: until it is synced, ext4 has none. Nothing where
/// that can't be told.
inline std::optional<bool> has_places_on_disk(const std::string& path) {
    constexpr unsigned most_extents = 16;
    alignas(fiemap) std::array<std::byte, sizeof(fiemap) + most_extents * sizeof(fiemap_extent)> room{};
    auto* const map = reinterpret_cast<fiemap*>(room.data());
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_extent_count = most_extents;
    const io::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (::ioctl(file.get(), FS_IOC_FIEMAP, map) != 0 || map->fm_mapped_extents == 0) return std::nullopt;
    const auto* const found = reinterpret_cast<const fiemap_extent*>(room.data() + sizeof(fiemap));
    return std::none_of(found, found + map->fm_mapped_extents, [](const fiemap_extent& extent) {
        return (extent.fe_flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN)) != 0;
    });
}

} // namespace davit
