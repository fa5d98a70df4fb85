#include "io/compression.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/error.h"
#include "io/gzip_header.h"

namespace davit::io {
namespace {

using progress = byte_stage::progress;

class plain_backend : public decoder::backend {
  public:
    progress step(std::span<const std::byte> in, std::span<std::byte> out) override {
        const auto size = std::min(in.size(), out.size());
        std::copy_n(in.begin(), size, out.begin());
        return {size, size};
    }
    bool may_end() const noexcept override { return true; }
};

class gzip_backend : public decoder::backend {
  public:
    progress step(std::span<const std::byte> in, std::span<std::byte> out) override {
        in = in.first(std::min(in.size(), gzip_step_limit));
        out = out.first(std::min(out.size(), gzip_step_limit));
        progress made;
        do {
            if (!header_.is_complete()) {
                made.consumed += header_.read(in.subspan(made.consumed));
                if (!header_.is_complete()) break;
                begin_member();
            }
            inflate(in, out, made);
        } while (made.consumed < in.size() && made.produced < out.size());
        return made;
    }

    bool may_end() const noexcept override { return !header_.has_begun(); }

  private:
    void begin_member() {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    }

    void inflate(std::span<const std::byte> in, std::span<std::byte> out, progress& made) {
        const auto from = in.subspan(made.consumed);
        const auto to = out.subspan(made.produced);
        state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(from.data())); // only read
        state_.avail_in = static_cast<std::uint32_t>(from.size());
        state_.next_out = reinterpret_cast<std::uint8_t*>(to.data());
        state_.avail_out = static_cast<std::uint32_t>(to.size());
        const int code = isal_inflate(&state_);
        if (code == ISAL_INCORRECT_CHECKSUM)
            throw error(errc::invalid, "the gzip stream is damaged: its checksum is wrong");
        if (code < 0 || code == ISAL_NEED_DICT) throw error(errc::invalid, "the gzip stream is damaged");
        made.consumed += from.size() - state_.avail_in;
        made.produced += to.size() - state_.avail_out;
        if (state_.block_state == ISAL_BLOCK_FINISH) header_ = {}; // of the next member, if one follows
    }

    gzip_header header_;
    inflate_state state_;
};

class zstd_backend : public decoder::backend {
  public:
    explicit zstd_backend(std::size_t window_bytes) : context_{ZSTD_createDCtx()}, window_bytes_{window_bytes} {
        const int log = std::max(10, static_cast<int>(std::bit_width(window_bytes)) - 1);
        if (context_ == nullptr || ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, log))) {
            ZSTD_freeDCtx(context_);
            throw error(errc::internal, "no zstd decoder with a window of {} bytes", window_bytes);
        }
    }
    ~zstd_backend() override { ZSTD_freeDCtx(context_); }

    progress step(std::span<const std::byte> in, std::span<std::byte> out) override {
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        do {
            if (is_between_frames_ && from.pos == from.size)
                break; // else the library would wait for a frame that need not come
            const auto hint = ZSTD_decompressStream(context_, &to, &from);
            if (ZSTD_isError(hint)) refuse(hint);
            is_between_frames_ = hint == 0;
        } while (to.pos < to.size && from.pos < from.size);
        return {from.pos, to.pos};
    }

    bool may_end() const noexcept override { return is_between_frames_; }

  private:
    [[noreturn]] void refuse(std::size_t code) const {
        if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
            throw error(errc::too_large, "the zstd stream needs a window of more than {} bytes, which is the limit",
                        window_bytes_);
        throw error(errc::invalid, "the zstd stream is damaged: {}", ZSTD_getErrorName(code));
    }

    ZSTD_DCtx* context_;
    std::size_t window_bytes_;
    bool is_between_frames_ = true;
};

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<unsigned char> magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.begin(), magic.size()) == 0;
}

std::unique_ptr<decoder::backend> make_backend(compression format, const decoder_limits& limits) {
    switch (format) {
    case compression::gzip:
        return std::make_unique<gzip_backend>();
    case compression::zstd:
        return std::make_unique<zstd_backend>(limits.zstd_window_bytes);
    case compression::none:
        break;
    }
    return std::make_unique<plain_backend>();
}

} // namespace

compression compression_of(std::span<const std::byte> start) noexcept {
    if (starts_with(start, {0x1F, 0x8B})) return compression::gzip;
    if (starts_with(start, {0x28, 0xB5, 0x2F, 0xFD})) return compression::zstd;
    const bool is_skippable_frame = start.size() >= 4 && (start[0] & std::byte{0xF0}) == std::byte{0x50} &&
                                    starts_with(start.subspan(1), {0x2A, 0x4D, 0x18});
    return is_skippable_frame ? compression::zstd : compression::none;
}

std::string_view to_string(compression kind) noexcept {
    switch (kind) {
    case compression::none:
        return "none";
    case compression::gzip:
        return "gzip";
    case compression::zstd:
        return "zstd";
    }
    return "none";
}

decoder::decoder(decoder_limits limits) : limits_{limits} {}
decoder::~decoder() = default;

void decoder::add_to_prefix(std::span<const std::byte> in, progress& made) {
    while (prefix_size_ < std::size(prefix_) && made.consumed < in.size())
        prefix_[prefix_size_++] = in[made.consumed++];
}

void decoder::step_backend(std::span<const std::byte> in, std::span<std::byte> out, progress& made) {
    const auto step = [&](std::span<const std::byte> from) {
        const auto part = backend_->step(from, out.subspan(made.produced));
        made.produced += part.produced;
        return part.consumed;
    };
    if (prefix_used_ < prefix_size_)
        prefix_used_ += step(std::span{prefix_}.subspan(prefix_used_, prefix_size_ - prefix_used_));
    if (prefix_used_ == prefix_size_ && made.produced < out.size()) made.consumed += step(in.subspan(made.consumed));
}

decoder::progress decoder::step(std::span<const std::byte> in, std::span<std::byte> out, bool is_last) {
    progress made;
    if (!backend_) {
        add_to_prefix(in, made);
        if (prefix_size_ < std::size(prefix_) && !is_last) return made;
        format_ = compression_of({prefix_, prefix_size_});
        backend_ = make_backend(format_, limits_);
    }
    step_backend(in, out, made);

    expanded_ += made.produced;
    if (expanded_ > limits_.expanded_bytes)
        throw error(errc::too_large, "the content expands to more than {} bytes, which is the limit",
                    limits_.expanded_bytes);
    // A full buffer may mean that there is more to come out; the next call tells.
    if (is_last && made.consumed == in.size() && made.produced < out.size() && prefix_used_ == prefix_size_) {
        if (!backend_->may_end()) throw error(errc::invalid, "the {} stream ends in the middle", to_string(format_));
        made.is_done = true;
    }
    return made;
}

} // namespace davit::io
