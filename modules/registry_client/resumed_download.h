#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/digest.h"
#include "core/registry_client.h"
#include "io/http_client.h"

namespace davit {

class pull_session;

/// Slower than this, somebody keeps a download alive for its own sake.
struct download_pace {
    std::chrono::milliseconds window = std::chrono::minutes{2};
    std::uint64_t least_bytes = 16u << 10;
};

/// A blob that goes on where it was broken off, with a range request.
class resumed_download final : public blob_download {
  public:
    resumed_download(std::shared_ptr<pull_session> session, digest of, download_pace pace = {})
        : session_{std::move(session)}, of_{of}, pace_{pace} {}

    /// Errors: not_found, denied, unavailable.
    task<void> begin();

    std::optional<std::uint64_t> size() const override { return size_; }
    task<std::size_t> read(std::span<std::byte> into) override;

  private:
    task<void> request();
    task<void> skip(std::uint64_t count);
    void check_pace(std::size_t got);

    std::shared_ptr<pull_session> session_;
    digest of_;
    download_pace pace_;
    std::optional<io::http_client_response> response_;
    std::optional<std::uint64_t> size_;
    std::uint64_t received_ = 0;
    int failures_ = 0; // since the last connection that was of use
    std::chrono::steady_clock::time_point pace_since_{};
    std::uint64_t pace_bytes_ = 0;
};

} // namespace davit
