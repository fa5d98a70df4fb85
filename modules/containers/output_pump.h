#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/log_driver.h"
#include "core/runtime.h"
#include "core/semaphore.h"
#include "core/task.h"
#include "io/descriptor.h"
#include "io/poll.h"
#include "modules/containers/pump_journal.h"

namespace davit {

struct container;

/// Moves the output of processes from their pipes (or terminals) to their logs and to whoever listens. Buffers exist
/// only while something is being moved, and all containers share a bounded number of them.
///
/// Nothing is lost or doubled when the engine is killed: bytes are copied out of a pipe without taking them (tee(2)),
/// logged, and then taken; the journal tells an engine that comes back between which of these steps the other one
/// ended. Only when it was killed between taking the bytes and noting it, and the pipe goes on with the very same
/// bytes, does one batch count as not logged and appear once less. A terminal can't be read without taking: one read of
/// it (4 KiB at most) may be lost with the engine.
class output_pumps {
  public:
    explicit output_pumps(const std::string& directory);

    /// Before anything else: how the engine's last life left the journal.
    task<void> start();

    /// Moves one process's output until all its streams have ended.
    /// `of` is kept alive by the caller.
    task<void> run(container& of, std::shared_ptr<io::pollable> standard_output,
                   std::shared_ptr<io::pollable> standard_error, std::shared_ptr<io::pollable> terminal);

    /// Settles what the engine's last life left open for a container, before `run` goes on with the same streams:
    /// a batch that was logged and not taken is taken back from the log.
    task<void> settle(container& of, int standard_output, int standard_error);

    void forget(const std::string& container_id) { journal_.forget(container_id); }

  private:
    static constexpr std::size_t batch_limit = 256u << 10;
    static constexpr std::size_t buffers = 8;

    task<void> pump(container& of, std::shared_ptr<io::pollable> source, output_stream from, bool is_pipe);
    task<bool> move_batch(container& of, io::pollable& source, output_stream from, bool is_pipe);
    /// Copies up to `batch.capacity` bytes out of a pipe without taking them.
    ssize_t peek(int pipe, std::string& batch);
    void take(int pipe, std::size_t count);

    pump_journal journal_;
    semaphore free_buffers_{buffers};
    std::string spare_; ///< One buffer that is kept for the next batch
    io::descriptor copy_reader_;
    io::descriptor copy_writer_;
    io::descriptor null_;
};

} // namespace davit
