#include "modules/registry_client/resumed_download.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/executor.h"
#include "core/timeout.h"
#include "modules/registry_client/pull_session.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

constexpr int most_failures = 5;

} // namespace

task<void> resumed_download::begin() {
    co_await request();
}

task<void> resumed_download::request() {
    io::http_headers headers;
    headers.add("Accept", "*/*");
    if (received_ != 0) headers.add("Range", fmt::format("bytes={}-", received_));
    response_.reset();
    auto response = co_await session_->get("blobs/" + of_.text(), std::move(headers));
    const unsigned status = response.status();
    if (status != 200 && !(status == 206 && received_ != 0)) {
        const error failure = co_await session_->refusal(std::move(response), "blob " + of_.text());
        throw error{failure};
    }
    if (status == 206) {
        const auto range = response.head().headers.get("Content-Range");
        if (!range.starts_with(fmt::format("bytes {}-", received_)))
            throw error(errc::invalid, "the registry sent the range {:?} of the blob {}, not that from {}",
                        range.substr(0, 60), of_.text(), received_);
    } else if (!size_) {
        size_ = response.content_length();
    }
    response_ = std::move(response);
    pace_since_ = executor::current().now();
    pace_bytes_ = 0;
    // A server without ranges begins again.
    if (status == 200 && received_ != 0) co_await skip(received_);
}

task<void> resumed_download::skip(std::uint64_t count) {
    std::array<std::byte, 16384> dropped;
    while (count != 0) {
        const std::size_t got = co_await response_->read(
            std::span{dropped}.first(static_cast<std::size_t>(std::min<std::uint64_t>(dropped.size(), count))));
        if (got == 0) throw error(errc::unavailable, "the blob {} ended early", of_.text());
        count -= got;
    }
}

void resumed_download::check_pace(std::size_t got) {
    pace_bytes_ += got;
    const auto now = executor::current().now();
    if (now - pace_since_ < pace_.window) return;
    if (pace_bytes_ < pace_.least_bytes)
        throw error(errc::timed_out, "the blob {} arrives too slowly: {} bytes in {} s", of_.text(), pace_bytes_,
                    std::chrono::ceil<std::chrono::seconds>(now - pace_since_).count());
    pace_since_ = now;
    pace_bytes_ = 0;
}

task<std::size_t> resumed_download::read(std::span<std::byte> into) {
    for (;;) {
        std::optional<std::size_t> got;
        try {
            if (!response_) co_await request();
            got = co_await response_->read(into);
        } catch (const error& e) {
            const bool may_go_on = e.category() == errc::unavailable || e.category() == errc::timed_out;
            if (!may_go_on || ++failures_ >= most_failures) throw;
        }
        if (got) {
            received_ += *got;
            if (*got != 0) check_pace(*got);
            // A byte for each connection is no progress.
            if (pace_bytes_ >= pace_.least_bytes) failures_ = 0;
            co_return *got;
        }
        response_.reset();
        co_await sleep_for(100ms * failures_ * failures_);
    }
}

} // namespace davit
