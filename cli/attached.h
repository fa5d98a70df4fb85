#pragma once

#include <string>

#include "cli/engine.h"
#include "core/task.h"
#include "io/stream.h"

namespace davit::cli {

/// What joins this process's standard streams with a container's.
struct attached_streams {
    bool standard_input = false;
    bool standard_output = true;
    bool standard_error = true;
    bool is_tty = false;
};

/// Takes apart frames of the multiplexed stream as they come and writes them to standard output and standard error.
class output_writer {
  public:
    explicit output_writer(attached_streams wants) : wants_{wants} {}
    void write(std::string_view bytes);

  private:
    void write_payload(std::string_view bytes);

    attached_streams wants_;
    std::string head_;
    std::size_t left_ = 0;
    unsigned char from_ = 1;
};

/// Runs attached until the container's output ends or the client was detached: with a terminal in raw mode and its size
/// kept the same, with signals forwarded. Input ends by half-closing the stream.
struct attachment_options {
    std::string container;
    attached_streams streams;
    bool proxies_signals = true;
};
task<void> run_attached(engine& api, io::stream& with, attachment_options options);

} // namespace davit::cli
