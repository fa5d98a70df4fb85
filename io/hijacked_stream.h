#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "io/stream.h"

namespace davit::io {

/// A stream that was taken out of HTTP: first the bytes that had been read ahead, then the rest of the flow.
class hijacked_stream final : public stream {
  public:
    hijacked_stream(stream_ptr rest, std::string first) : rest_{std::move(rest)}, first_{std::move(first)} {}

    task<std::size_t> read(bytes into) override {
        if (used_ == first_.size()) co_return co_await rest_->read(into);
        const std::size_t size = std::min(into.size(), first_.size() - used_);
        std::memcpy(into.data(), first_.data() + used_, size);
        used_ += size;
        co_return size;
    }
    task<void> write(const_bytes from) override { return rest_->write(from); }
    task<void> write_parts(std::span<const const_bytes> parts) override { return rest_->write_parts(parts); }
    task<void> shutdown_write() override { return rest_->shutdown_write(); }
    bool has_lost_peer() const noexcept override { return rest_->has_lost_peer(); }

  private:
    stream_ptr rest_;
    std::string first_;
    std::size_t used_ = 0;
};

} // namespace davit::io
