#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace davit::io {

enum class tar_kind : std::uint8_t { file, hard_link, symbolic_link, character_device, block_device, directory, fifo };

/// One entry of an archive, as its headers tell it. Nothing is checked but the format: names may lead anywhere.
struct tar_entry {
    tar_kind kind = tar_kind::file;
    std::string path = {};        ///< As written, any bytes; never with a NUL
    std::string link_target = {}; ///< Of links; never with a NUL
    std::uint64_t size = 0;       ///< Bytes of a file's content, holes counted; 0 for everything but files
    std::uint32_t mode = 0;       ///< Permission bits only (07777)
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime_seconds = 0;
    std::uint32_t mtime_nanoseconds = 0; ///< 0 to 999,999,999, also before 1970
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::vector<std::pair<std::string, std::string>> xattrs = {}; ///< Name to bytes: PAX records SCHILY.xattr.NAME
};

} // namespace davit::io
