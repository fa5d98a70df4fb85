#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/engine.h"
#include "cli/output_writer.h"
#include "core/task.h"
#include "io/stream.h"

namespace davit::cli {

struct attachment_options {
    std::string container; ///< Its id
    attached_streams streams;
    bool proxies_signals = true;
    bool starts = false;     ///< Starts the container when signals and streams are ready
    bool is_joining = false; ///< The container runs already: whoever draws on its terminal is made to draw anew
    std::string detach_keys; ///< Empty: the engine's own
    std::string_view end = "next-exit"; ///< The condition of the wait that gives the exit code
};

/// This process joined to a container: its standard streams, its terminal in raw mode and the size of it, its signals.
class attachment {
  public:
    /// Opens the streams and the wait for the end: of a container that is started after this nothing is missed.
    static task<attachment> open(engine& api, attachment_options options);

    /// How it ended.
    struct ending {
        int exit_code = 0;
        bool is_detached = false; ///< The user has left with the detach keys, and the container goes on
    };
    /// Runs until the container's output ends. Input ends by half-closing the stream. The terminal is as it was before
    /// when this returns or throws, and when a signal ends the process. Errors: exit_error after a third SIGINT or
    /// SIGTERM.
    task<ending> run();

  private:
    attachment(engine& api, attachment_options options, io::stream_ptr stream, io::http_client_response end)
        : api_{&api}, options_{std::move(options)}, stream_{std::move(stream)}, end_{std::move(end)} {}

    task<void> join_streams();
    task<void> show_streams();
    task<bool> still_runs();

    engine* api_;
    attachment_options options_;
    io::stream_ptr stream_;
    io::http_client_response end_;
};

} // namespace davit::cli
