#include "modules/images/layer_downloads.h"

#include <chrono>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/executor.h"
#include "core/rollback.h"
#include "core/scope.h"
#include "io/offload.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t piece_bytes = 512u << 10;
constexpr int pieces_in_flight = 3; // one being filled, one waiting, one being unpacked
constexpr auto progress_interval = 100ms;

using piece = std::vector<std::byte>;

/// Lets progress through ten times a second.
class progress_pace {
  public:
    bool is_due() {
        const auto now = executor::current().now();
        if (now < next_) return false;
        next_ = now + progress_interval;
        return true;
    }

  private:
    std::chrono::steady_clock::time_point next_{};
};

/// The pieces of one layer between its download, on the loop, and its unpacking, on workers.
struct piece_flow {
    channel<piece> filled{pieces_in_flight};
    channel<piece> empty{pieces_in_flight};
};

void check_received(const layer_facts& layer, std::uint64_t received, bool is_at_end) {
    const auto promised = static_cast<std::uint64_t>(layer.size);
    if (received > promised)
        throw error(errc::invalid, "the layer {} is longer than its size of {} bytes", layer.blob.text(), promised);
    if (is_at_end && received < promised)
        throw error(errc::invalid, "the layer {} ended after {} of its {} bytes", layer.blob.text(), received,
                    promised);
}

} // namespace

/// Keeps a pull's sink among a download's listeners.
struct layer_downloads::listening {
    listening(download_ptr to, progress_sink sink) : job{std::move(to)} {
        job->listeners.push_back(std::move(sink));
        at = std::prev(job->listeners.end());
    }
    ~listening() { job->listeners.erase(at); }
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;

    download_ptr job;
    std::list<progress_sink>::iterator at;
};

void layer_downloads::download::tell(std::string_view status) const {
    for (const progress_sink& sink : listeners) sink({.id = layer.blob.short_form(), .status = std::string{status}});
}

void layer_downloads::download::tell(std::string_view status, std::uint64_t current, std::uint64_t total) const {
    for (const progress_sink& sink : listeners)
        sink({.id = layer.blob.short_form(),
              .status = std::string{status},
              .current = current,
              .total = total,
              .has_amounts = true});
}

task<std::int64_t> layer_downloads::fetch(layer_facts layer, std::shared_ptr<registry_session> from,
                                          progress_sink progress) {
    for (;;) {
        download_ptr& known = downloads_[layer.chain_id];
        const bool is_ours = !known;
        if (is_ours) {
            known = std::make_shared<download>();
            known->layer = layer;
            known->from = from;
            running_.spawn(run(known));
        }
        const download_ptr job = known;
        {
            const listening listens{job, progress};
            rollback undo;
            undo.add([this, job] { return leave(job); });
            co_await with_rollback(undo, wait_for(job));
        }
        if (!job->failure) co_return job->content_bytes;
        // Another pull may have had no right to it, or was cancelled: this one tries by itself.
        if (is_ours) throw error{*job->failure};
    }
}

task<void> layer_downloads::wait_for(download_ptr job) {
    co_await job->ended.wait();
}

task<void> layer_downloads::leave(download_ptr job) {
    // The leaving pull still counts among the listeners.
    if (job->listeners.size() > 1) co_return;
    job->is_abandoned = true;
    if (job->ends) job->ends->request();
    co_await job->ended.wait();
}

task<void> layer_downloads::run(download_ptr job) {
    job->ends.emplace(co_await this_cancellation());
    if (job->is_abandoned) job->ends->request();
    co_await run_under(job);
    job->ends.reset();
    downloads_.erase(job->layer.chain_id);
    job->ended.set();
}

task<void> layer_downloads::run_under(download_ptr job) {
    try {
        job->content_bytes = co_await fetch_and_commit(job).under(&*job->ends);
    } catch (const error& e) {
        job->failure = e;
    } catch (const std::exception& e) {
        job->failure = error(errc::internal, "fetching the layer {}: {}", job->layer.blob.text(), e.what());
    }
}

task<std::int64_t> layer_downloads::fetch_and_commit(download_ptr job) {
    const auto permit = co_await free_.acquire();
    layer_staging staging = co_await storage_.begin_layer();
    rollback undo;
    undo.add([this, staging] { return storage_.discard_layer(staging); });
    co_return co_await with_rollback(
        undo, [](layer_downloads& self, download_ptr of, layer_staging into) -> task<std::int64_t> {
            auto extraction = co_await io::offload(
                [into, limits = self.limits_] { return std::make_shared<layer_extraction>(into, limits); });
            const std::int64_t content_bytes = co_await self.unpack(of, std::move(extraction));
            co_await self.storage_.commit_layer(std::move(into), of->layer.chain_id);
            of->tell("Pull complete");
            co_return content_bytes;
        }(*this, job, staging));
}

namespace {

task<void> receive(blob_download& source, const layer_facts& layer, piece_flow& flow,
                   const std::function<void(std::uint64_t)>& tell) {
    std::uint64_t received = 0;
    for (bool is_at_end = false; !is_at_end;) {
        auto next = co_await flow.empty.receive();
        next->resize(piece_bytes);
        std::size_t filled = 0;
        while (filled < next->size()) {
            const std::size_t got = co_await source.read(std::span{*next}.subspan(filled));
            is_at_end = got == 0;
            if (is_at_end) break;
            filled += got;
            received += got;
            check_received(layer, received, false);
            tell(received);
        }
        next->resize(filled);
        co_await flow.filled.send(std::move(*next));
    }
    check_received(layer, received, true);
    flow.filled.close();
}

task<void> extract(layer_extraction& into, piece_flow& flow, const std::function<void(std::uint64_t)>& tell) {
    std::uint64_t extracted = 0;
    bool is_last = false;
    while (!is_last) {
        auto next = co_await flow.filled.receive();
        is_last = !next;
        std::span<const std::byte> rest = next ? std::span<const std::byte>{*next} : std::span<const std::byte>{};
        bool is_done = false;
        do {
            const auto made = co_await io::offload([&] { return into.step(rest, is_last); });
            rest = rest.subspan(made.consumed);
            is_done = made.is_done;
            extracted += made.consumed;
            tell(extracted);
        } while (is_last ? !is_done : !rest.empty());
        if (next) co_await flow.empty.send(std::move(*next));
    }
}

} // namespace

task<std::int64_t> layer_downloads::unpack(download_ptr job, std::shared_ptr<layer_extraction> into) {
    const layer_facts& layer = job->layer;
    const auto total = static_cast<std::uint64_t>(layer.size);
    const auto source = co_await job->from->blob(layer.blob);
    piece_flow flow;
    for (int i = 0; i < pieces_in_flight; ++i) flow.empty.try_send({});
    progress_pace pace;
    bool has_all = false;
    const std::function<void(std::uint64_t)> tell_received = [&](std::uint64_t received) {
        has_all = received == total;
        if (has_all) {
            job->tell("Verifying Checksum");
            job->tell("Download complete");
        } else if (pace.is_due()) {
            job->tell("Downloading", received, total);
        }
    };
    // While it arrives, unpacking is no step of its own to whoever looks on.
    const std::function<void(std::uint64_t)> tell_extracted = [&](std::uint64_t extracted) {
        if (has_all && (extracted == total || pace.is_due())) job->tell("Extracting", extracted, total);
    };
    co_await with_scope([&](scope& both) -> task<void> {
        both.spawn(receive(*source, layer, flow, tell_received));
        co_await extract(*into, flow, tell_extracted);
    });
    const extracted_layer found = co_await io::offload([&] { return into->finish(layer.blob, layer.diff_id); });
    co_return static_cast<std::int64_t>(found.content_bytes);
}

} // namespace davit
