#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/task.h"
#include "io/descriptor.h"
#include "io/fd_stream.h"
#include "io/poll.h"

namespace davit::io {

/// What a new process gets as one of its standard descriptors.
struct to_null {}; ///< /dev/null
struct to_pipe {}; ///< a pipe, whose other end `process` has
struct to_descriptor {
    int fd;
}; ///< a descriptor of ours, which stays ours
using stdio_choice = std::variant<to_null, to_pipe, to_descriptor>;

struct process_options {
    /// argv[0] is the program: a path, or a name that is looked up in our own PATH.
    std::vector<std::string> argv;
    /// The whole environment, "NAME=value": nothing of ours is inherited.
    std::vector<std::string> environment;
    std::string working_directory = "/";
    stdio_choice standard_input;
    stdio_choice standard_output;
    stdio_choice standard_error;
    /// Further descriptors of ours, and the numbers (3 and up) that they get. All others are closed.
    struct passed_descriptor {
        int ours;
        int theirs;
    };
    std::vector<passed_descriptor> descriptors;
    /// A session of its own: signals of our terminal don't reach it.
    bool new_session = true;
};

/// How a process ended.
struct process_exit {
    int code = 0;   ///< exit status; 128 + signal when a signal ended it
    int signal = 0; ///< 0 when it exited by itself
    bool is_success() const noexcept { return code == 0; }
};

/// A child process, held by its pidfd. All signals have their defaults in it and none is blocked.
/// One that is neither awaited to its end nor released is killed and reaped by the destructor, which waits for that;
/// `with_process` does so without blocking the loop.
class process {
  public:
    /// Starts it. Errors: invalid (no argv), those of execve (not_found, denied), naming the program.
    explicit process(process_options options);
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    ~process();

    pid_t pid() const noexcept { return pid_; }
    /// Our ends of the pipes that were asked for; null otherwise. Reset one to close it.
    std::unique_ptr<stream> standard_input;
    std::unique_ptr<stream> standard_output;
    std::unique_ptr<stream> standard_error;

    /// Waits for its end and reaps it. Cancelling stops the waiting only. May be called again afterwards.
    task<process_exit> wait();
    /// No effect once it has ended.
    void kill(int signal) noexcept;
    /// Lets it live on without us; nobody will reap it before we end.
    void release() noexcept;

  private:
    bool try_reap();

    pid_t pid_ = -1;
    std::unique_ptr<pollable> pidfd_;
    std::optional<process_exit> ended_;
};

/// Starts a process, awaits `body(process&)`, then the process's end. When the body fails or the caller is cancelled,
/// the process is killed and reaped before the error goes on.
template <class Body> task<process_exit> with_process(process_options options, Body body) {
    process child{std::move(options)};
    std::exception_ptr failure;
    try {
        co_await body(child);
        co_return co_await child.wait();
    } catch (...) {
        failure = std::current_exception();
    }
    child.kill(9);
    co_await child.wait().under(nullptr);
    std::rethrow_exception(failure);
}

/// What a process wrote and how it ended.
struct process_output {
    process_exit exit;
    std::string standard_output;
    std::string standard_error;
};

/// Runs a process to its end, feeds it `input` and collects what it writes. Choices for its stdio in `options` are
/// ignored. Errors: too_large when it writes more than `limit` bytes to either (it is killed then).
task<process_output> run_process(process_options options, std::string input = {}, std::size_t limit = 1 << 20);

} // namespace davit::io
