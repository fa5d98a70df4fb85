#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/error.h"
#include "core/storage_driver.h"
#include "io/compression.h"
#include "io/sha256.h"
#include "modules/images/layer_unpack.h"

namespace davit {

struct extraction_limits {
    unpack_limits unpack;
    std::uint64_t expanded_bytes = 64ull << 30; ///< Of the archive
    /// Beyond the first GiB an archive may be this many times as large as what was downloaded. 0: no bound.
    std::uint64_t expansion_ratio = 200;
};

/// What a layer turned out to be.
struct extracted_layer {
    std::uint64_t content_bytes = 0; ///< See layer_unpack
};

/// A layer's way from its compressed bytes to its directory: hashed, expanded, hashed again and unpacked, on whichever
/// worker has time for the next step. No step waits for anything but the disk.
class layer_extraction {
  public:
    /// Opens the staging's directory: on a worker too.
    layer_extraction(const layer_staging& staging, extraction_limits limits);

    struct progress {
        std::size_t consumed = 0;
        bool is_done = false;
    };
    /// Does a share of the work that takes some milliseconds, however much comes out of the input. Call again with the
    /// rest until all is consumed; after the last input, with an empty rest too, until it is done.
    progress step(std::span<const std::byte> in, bool is_last);

    /// After `step` was done: `blob` and `diff_id` are what was promised. An archive that turned out to be damaged is
    /// only told of when its bytes are the right ones; otherwise that they are not is what went wrong.
    /// Errors: invalid.
    extracted_layer finish(const digest& blob, const digest& diff_id);

  private:
    progress expand(std::span<const std::byte> in, bool is_last);

    extraction_limits limits_;
    io::sha256 blob_hash_;
    io::sha256 archive_hash_;
    io::decoder decoder_;
    layer_unpack unpack_;
    std::vector<std::byte> expanded_;
    std::uint64_t blob_bytes_ = 0;
    std::optional<error> damage_; // what is wrong with the archive; from then on the rest is only hashed
};

} // namespace davit
