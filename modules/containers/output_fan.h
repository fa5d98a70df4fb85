#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log_driver.h"
#include "core/task.h"
#include "core/wait_list.h"
#include "io/descriptor.h"

namespace davit {

/// A listener's output that does not fit into memory: a file without a name in the container's directory, whose read
/// part is given back to the file system.
class output_spool {
  public:
    /// How far a listener may fall behind, in bytes.
    static constexpr std::uint64_t limit = 1u << 30;

    explicit output_spool(std::string directory) : directory_{std::move(directory)} {}

    bool is_empty() const noexcept { return read_ == written_; }
    std::uint64_t size() const noexcept { return written_ - read_; }
    /// Chunks are read back as they were appended. One append and one read may run at a time.
    task<void> append(std::shared_ptr<const output_chunk> added);
    task<std::vector<std::shared_ptr<const output_chunk>>> read();

  private:
    std::string directory_;
    io::descriptor file_;
    std::uint64_t read_ = 0;
    std::uint64_t written_ = 0;
};

/// Somebody who listens to a container's live output. What a slow listener has not read yet stays in memory up to a
/// bound, and in a file beyond it, so that it loses nothing and holds up nobody.
class output_listener {
  public:
    static constexpr std::size_t memory_limit = 256u << 10;

    output_listener(bool standard_output, bool standard_error, std::string spool_directory)
        : wants_output_{standard_output}, wants_error_{standard_error}, spool_directory_{std::move(spool_directory)} {}

    /// The next output; nothing after the end. Errors: unavailable when this listener was cut off, having fallen too
    /// far behind.
    task<std::optional<output_chunk>> next();

  private:
    friend class output_fan;
    bool wants(output_stream from) const noexcept {
        return from == output_stream::standard_output ? wants_output_ : wants_error_;
    }
    /// False when the chunk has to go to the spool.
    bool take(const std::shared_ptr<const output_chunk>& chunk);
    task<void> spool(std::shared_ptr<const output_chunk> chunk);
    void end() noexcept;

    bool wants_output_;
    bool wants_error_;
    bool has_ended_ = false;
    bool was_cut_off_ = false;
    std::size_t queued_bytes_ = 0;
    std::deque<std::shared_ptr<const output_chunk>> queued_;
    std::string spool_directory_;
    std::shared_ptr<output_spool> spool_;
    wait_list arrived_;
};

/// Hands a container's live output to everybody who listens. Without listeners it costs nothing.
class output_fan {
  public:
    void add(std::weak_ptr<output_listener> listener) { listeners_.push_back(std::move(listener)); }
    bool has_listeners() noexcept;

    /// Returns when every listener has the chunk, in memory or spooled; `chunk` is copied at most once.
    task<void> deliver(const output_chunk* chunk);
    /// The process has ended and all its output was delivered: listeners come to their end.
    void end() noexcept;

  private:
    std::vector<std::weak_ptr<output_listener>> listeners_;
};

} // namespace davit
