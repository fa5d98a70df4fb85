#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <isa-l/igzip_lib.h>
#include <zlib.h>
#include <zstd.h>

#include "core/error.h"
#include "io/compression.h"
#include "io/gzip_header.h"

namespace davit::io {
namespace {

std::uint8_t* bytes_of(std::span<const std::byte> bytes) {
    return reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(bytes.data())); // the libraries only read their input
}

/// What is common to the gzip encoders: the input of one call is cut to what the library can count.
struct bounded_step {
    bounded_step(std::span<const std::byte> all_in, std::span<std::byte> all_out, bool is_last_input)
        : in{all_in.first(std::min(all_in.size(), gzip_step_limit))},
          out{all_out.first(std::min(all_out.size(), gzip_step_limit))},
          is_last{is_last_input && in.size() == all_in.size()} {}

    std::span<const std::byte> in;
    std::span<std::byte> out;
    bool is_last;
};

class isal_gzip_encoder : public byte_stage {
  public:
    explicit isal_gzip_encoder(std::uint32_t level) {
        constexpr std::array<std::uint32_t, 4> buffer_sizes{ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                                            ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
        buffer_.resize(buffer_sizes[level]);
        isal_deflate_init(&stream_);
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.level = level;
        stream_.level_buf = buffer_.data();
        stream_.level_buf_size = buffer_sizes[level];
    }

    progress step(std::span<const std::byte> all_in, std::span<std::byte> all_out, bool is_last) override {
        const bounded_step part{all_in, all_out, is_last};
        stream_.next_in = bytes_of(part.in);
        stream_.avail_in = static_cast<std::uint32_t>(part.in.size());
        stream_.next_out = bytes_of(part.out);
        stream_.avail_out = static_cast<std::uint32_t>(part.out.size());
        stream_.end_of_stream = part.is_last ? 1 : 0;
        stream_.flush = NO_FLUSH;
        if (const int code = isal_deflate(&stream_); code != COMP_OK)
            throw error(errc::internal, "compressing by ISA-L failed with code {}", code);
        return {part.in.size() - stream_.avail_in, part.out.size() - stream_.avail_out,
                stream_.internal_state.state == ZSTATE_END};
    }

  private:
    isal_zstream stream_;
    std::vector<std::uint8_t> buffer_;
};

class zlib_gzip_encoder : public byte_stage {
  public:
    explicit zlib_gzip_encoder(int level) {
        constexpr int gzip_with_largest_window = 15 + 16;
        if (deflateInit2(&stream_, level, Z_DEFLATED, gzip_with_largest_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            throw error(errc::internal, "no zlib encoder of level {}", level);
    }
    ~zlib_gzip_encoder() override { deflateEnd(&stream_); }

    progress step(std::span<const std::byte> all_in, std::span<std::byte> all_out, bool is_last) override {
        const bounded_step part{all_in, all_out, is_last};
        stream_.next_in = bytes_of(part.in);
        stream_.avail_in = static_cast<uInt>(part.in.size());
        stream_.next_out = bytes_of(part.out);
        stream_.avail_out = static_cast<uInt>(part.out.size());
        const int code = deflate(&stream_, part.is_last ? Z_FINISH : Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) // the last: nothing to do, which is fine
            throw error(errc::internal, "compressing by zlib failed with code {}", code);
        return {part.in.size() - stream_.avail_in, part.out.size() - stream_.avail_out, code == Z_STREAM_END};
    }

  private:
    z_stream stream_{};
};

class zstd_encoder : public byte_stage {
  public:
    explicit zstd_encoder(int level) : context_{ZSTD_createCCtx()} {
        if (context_ == nullptr || ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level)) ||
            ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1))) {
            ZSTD_freeCCtx(context_);
            throw error(errc::internal, "no zstd encoder of level {}", level);
        }
    }
    ~zstd_encoder() override { ZSTD_freeCCtx(context_); }

    progress step(std::span<const std::byte> in, std::span<std::byte> out, bool is_last) override {
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        const auto left = ZSTD_compressStream2(context_, &to, &from, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) throw error(errc::internal, "compressing by zstd failed: {}", ZSTD_getErrorName(left));
        return {from.pos, to.pos, is_last && left == 0};
    }

  private:
    ZSTD_CCtx* context_;
};

void check_level(int level, int most, const char* format) {
    if (level < 1 || level > most)
        throw error(errc::invalid, "{} is no {} level; they are 1 to {}", level, format, most);
}

} // namespace

std::unique_ptr<byte_stage> make_gzip_encoder(int level) {
    check_level(level, 9, "gzip");
    if (level <= 3) return std::make_unique<isal_gzip_encoder>(static_cast<std::uint32_t>(level));
    return std::make_unique<zlib_gzip_encoder>(level);
}

std::unique_ptr<byte_stage> make_zstd_encoder(int level) {
    check_level(level, 19, "zstd");
    return std::make_unique<zstd_encoder>(level);
}

} // namespace davit::io
