#pragma once

#include <initializer_list>
#include <memory>

#include "core/task.h"

namespace davit::io {

/// Signals of the process, awaited. While it exists their default actions don't happen.
class signal_watch {
  public:
    explicit signal_watch(std::initializer_list<int> signals);
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;
    ~signal_watch();

    /// The number of the next signal that arrived, in order of arrival; several of one number that nobody has awaited
    /// yet are told once. One coroutine at a time.
    task<int> next();

  private:
    struct state;
    std::unique_ptr<state> state_;
};

/// Ignores SIGPIPE in this process, so that writing to a closed pipe is an error and not the end.
void ignore_broken_pipes() noexcept;

} // namespace davit::io
