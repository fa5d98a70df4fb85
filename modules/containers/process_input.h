#pragma once

#include <memory>
#include <string>

#include "core/semaphore.h"
#include "core/task.h"
#include "core/wait_list.h"
#include "io/poll.h"

namespace davit {

/// The way to a process's standard input: the writing end of its pipe, or its terminal. Attached clients write through
/// it, one after the other. It is closed between two runs of the container, and clients that write early wait.
class process_input {
  public:
    /// Opens the way. The pollable may be shared with whoever reads the terminal.
    void open(std::shared_ptr<io::pollable> into) noexcept;
    /// Ends the way: writes that wait fail.
    void close() noexcept;
    bool is_open() const noexcept { return static_cast<bool>(into_); }

    /// Writes all of `bytes`; waits while the pipe is full. Errors: unavailable when the process has gone, or closed
    /// its input.
    task<void> write(std::string bytes);

  private:
    std::shared_ptr<io::pollable> into_;
    semaphore turn_{1};
};

} // namespace davit
