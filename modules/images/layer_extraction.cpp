#include "modules/images/layer_extraction.h"

#include <cerrno>
#include <fcntl.h>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::size_t expanded_chunk = 256u << 10;
constexpr std::size_t expanded_per_step = 4u << 20;
constexpr std::uint64_t free_expansion = 1ull << 30;

io::descriptor open_root(const layer_staging& staging) {
    io::descriptor root{::open(staging.directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!root) throw error::system(errno, "opening {}", staging.directory);
    return root;
}

} // namespace

layer_extraction::layer_extraction(const layer_staging& staging, extraction_limits limits)
    : limits_{limits},
      decoder_{{.expanded_bytes = limits.expanded_bytes}},
      unpack_{open_root(staging), staging.whiteouts, limits.unpack},
      expanded_(expanded_chunk) {}

layer_extraction::progress layer_extraction::step(std::span<const std::byte> in, bool is_last) {
    progress made;
    if (!damage_) {
        try {
            made = expand(in, is_last);
        } catch (const error& e) {
            if (e.category() != errc::invalid) throw;
            damage_ = e;
        }
    }
    if (damage_) made = {in.size(), is_last};
    blob_hash_.update(in.first(made.consumed));
    blob_bytes_ += made.consumed;
    return made;
}

layer_extraction::progress layer_extraction::expand(std::span<const std::byte> in, bool is_last) {
    progress made;
    for (std::size_t expanded = 0; expanded < expanded_per_step;) {
        const auto stage = decoder_.step(in.subspan(made.consumed), expanded_, is_last);
        made.consumed += stage.consumed;
        expanded += stage.produced;
        const std::span<const std::byte> piece{expanded_.data(), stage.produced};
        archive_hash_.update(piece);
        unpack_.feed(piece);
        if (limits_.expansion_ratio != 0 && decoder_.expanded_bytes() > free_expansion &&
            decoder_.expanded_bytes() / limits_.expansion_ratio > blob_bytes_ + made.consumed)
            throw error(errc::too_large, "the layer expands more than {} times, which no honest one does",
                        limits_.expansion_ratio);
        made.is_done = stage.is_done;
        if (made.is_done || (made.consumed == in.size() && stage.produced < expanded_.size() && !is_last)) break;
    }
    return made;
}

extracted_layer layer_extraction::finish(const digest& blob, const digest& diff_id) {
    if (const auto found = digest::of_sha256(blob_hash_.finish()); found != blob)
        throw error(errc::invalid,
                    "filesystem layer verification failed for digest {}: the bytes received have the digest {}",
                    blob.text(), found.text());
    if (damage_) throw *damage_;
    unpack_.finish();
    if (const auto found = digest::of_sha256(archive_hash_.finish()); found != diff_id)
        throw error(errc::invalid,
                    "layers from manifest don't match image configuration: the layer {} has the diff id {}, not {}",
                    blob.short_form(), found.text(), diff_id.text());
    return {unpack_.content_bytes()};
}

} // namespace davit
