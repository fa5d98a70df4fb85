#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "core/image_service.h"
#include "core/wait_list.h"

namespace davit::api {

/// The progress of a pull between the puller, which never waits, and a client that reads as fast as it can. Of one
/// layer's amounts in one status only the newest is kept, so what waits here is bounded by the layers' steps.
class progress_lines {
  public:
    void add(const progress_update& update);
    /// No more will come.
    void close() noexcept;

    /// Waits until there is something, or until it is closed.
    task<void> wait();
    bool is_empty() const noexcept { return waiting_.empty(); }
    bool is_closed() const noexcept { return is_closed_; }
    /// All that waits, as JSON lines.
    std::string take();

  private:
    std::deque<progress_update> waiting_;
    bool is_closed_ = false;
    wait_list reader_;
};

/// One update as a line of the progress stream.
std::string progress_line(const progress_update& update);
/// The line that ends a stream which fails.
std::string failure_line(const std::string& text);

} // namespace davit::api
