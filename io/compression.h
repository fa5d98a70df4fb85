#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace davit::io {

/// A stage that turns bytes into other bytes: a decompressor or a compressor. It works from the caller's buffer into
/// the caller's buffer, so that a pipeline hands it a chunk and an empty buffer on a worker, and passes the result on
/// when it likes: what a stage holds does not depend on how much passes through it. One thread at a time.
class byte_stage {
  public:
    struct progress {
        std::size_t consumed = 0; ///< Bytes of the input that are done with
        std::size_t produced = 0; ///< Bytes of the output that are filled
        bool is_done = false;     ///< The whole stream has passed; only after the last input
    };

    virtual ~byte_stage() = default;
    byte_stage(const byte_stage&) = delete;
    byte_stage& operator=(const byte_stage&) = delete;

    /// Does as much as fits. With `is_last` no input follows the given one. Call again (with the rest of the input,
    /// which may be empty) while `produced` fills the output or `consumed` is short of the input; `out` holds at least
    /// one byte.
    virtual progress step(std::span<const std::byte> in, std::span<std::byte> out, bool is_last) = 0;

    /// Passes a piece through at once: calls `sink(std::span<const std::byte>)` for each piece of output, at most
    /// `chunk_bytes` of it, which lives during the call. `is_last` as above.
    template <class Sink> void pass(std::span<const std::byte> in, bool is_last, Sink&& sink) {
        if (chunk_.empty()) chunk_.resize(chunk_bytes);
        while (true) {
            const auto made = step(in, chunk_, is_last);
            in = in.subspan(made.consumed);
            if (made.produced != 0) sink(std::span<const std::byte>{chunk_.data(), made.produced});
            if (made.is_done || (in.empty() && made.produced < chunk_.size() && !is_last)) return;
        }
    }

    static constexpr std::size_t chunk_bytes = 128u << 10;

  protected:
    byte_stage() = default;

  private:
    std::vector<std::byte> chunk_;
};

enum class compression : std::uint8_t { none, gzip, zstd };

/// What a stream is, by its first bytes (four are enough): gzip (RFC 1952), zstd (RFC 8878, skippable frames too), or
/// none.
compression compression_of(std::span<const std::byte> start) noexcept;
std::string_view to_string(compression kind) noexcept;

struct decoder_limits {
    /// How many bytes may come out in all: what stops a small download from filling the disk.
    std::uint64_t expanded_bytes = 64ull << 30;
    /// The largest zstd window, which is memory that one decoder may need. 128 MiB is what every level of the zstd
    /// program up to the highest makes and what its own decoder takes; no image in use asks for more. The memory is
    /// only touched as far as content comes out, so a header that claims a large window costs nothing by itself; levels
    /// up to 19 stay at 8 MiB.
    std::size_t zstd_window_bytes = 128u << 20;
};

/// Expands gzip (any number of members) and zstd (any number of frames), and passes everything else through as it is.
/// Errors, from step: invalid (damaged, wrong checksum, ends in the middle, something else follows), too_large (a
/// limit, which it names).
class decoder : public byte_stage {
  public:
    explicit decoder(decoder_limits limits = {});
    ~decoder() override;

    progress step(std::span<const std::byte> in, std::span<std::byte> out, bool is_last) override;

    /// What the stream is; `none` until four bytes have come.
    compression format() const noexcept { return format_; }
    /// Bytes that have come out so far.
    std::uint64_t expanded_bytes() const noexcept { return expanded_; }

    /// One compressed format: like step, but it only knows whether the stream may end where it stands.
    class backend {
      public:
        virtual ~backend() = default;
        virtual progress step(std::span<const std::byte> in, std::span<std::byte> out) = 0;
        virtual bool may_end() const noexcept = 0;
    };

  private:
    void add_to_prefix(std::span<const std::byte> in, progress& made);
    void step_backend(std::span<const std::byte> in, std::span<std::byte> out, progress& made);

    decoder_limits limits_;
    std::unique_ptr<backend> backend_;
    compression format_ = compression::none;
    std::byte prefix_[4]{};
    std::size_t prefix_size_ = 0;
    std::size_t prefix_used_ = 0;
    std::uint64_t expanded_ = 0;
};

/// A gzip member without name and time, so that equal content gives equal bytes. Levels 1 to 3 are ISA-L's, several
/// times as fast as zlib's at a similar size; 4 to 9 are zlib's.
std::unique_ptr<byte_stage> make_gzip_encoder(int level = 1);

/// A zstd frame with a checksum; level 1 to 19.
std::unique_ptr<byte_stage> make_zstd_encoder(int level = 3);

} // namespace davit::io
