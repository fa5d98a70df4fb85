#pragma once

#include <optional>

#include "core/cancellation.h"
#include "core/event.h"
#include "core/scope.h"
#include "io/http_reader.h"
#include "io/stream.h"

namespace davit::io::detail {

/// Looks, while a handler works, whether the peer is still there: reads what it sends ahead into the reader's buffer,
/// and cancels the handler at the end of the flow.
class peer_watch {
  public:
    /// `reader` and `from` outlive the watch; `from` is read by nobody else while it watches.
    peer_watch(http_reader& reader, stream& from) noexcept : reader_{reader}, from_{from} {}

    /// Where the watch runs, which must not end before `stop`.
    void run_in(scope& watchers) noexcept { watchers_ = &watchers; }

    /// Watches on behalf of `handler` from here on; no effect while it watches already.
    void begin(cancellation& handler);
    /// The stream may be read again when it returns.
    task<void> stop();

    /// The peer is of no more use: seen by the watch, or told.
    bool is_peer_gone() const noexcept { return is_peer_gone_; }
    void note_peer_gone() noexcept { is_peer_gone_ = true; }

  private:
    task<void> read_ahead();
    task<void> watch();

    http_reader& reader_;
    stream& from_;
    scope* watchers_ = nullptr;
    cancellation* handler_ = nullptr;
    std::optional<cancellation> end_; // of the watch
    event has_ended_;
    bool is_watching_ = false;
    bool is_peer_gone_ = false;
};

} // namespace davit::io::detail
