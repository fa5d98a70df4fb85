#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/task.h"

namespace davit {

enum class output_stream : std::uint8_t { standard_output = 1, standard_error = 2 };

/// Bytes as they came from a container, one read of one of its streams.
struct output_chunk {
    output_stream from = output_stream::standard_output;
    std::string bytes;
    std::chrono::system_clock::time_point at{};
};

/// Which part of a log is wanted.
struct log_query {
    bool standard_output = true;
    bool standard_error = true;
    bool follow = false;
    std::optional<std::chrono::system_clock::time_point> since;
    std::optional<std::chrono::system_clock::time_point> until;
    std::optional<std::uint64_t> tail; ///< The last lines only
};

/// Some log messages. A message is a line with its newline, or a part of a line longer than the driver's bound.
struct log_batch {
    struct message {
        output_stream from;
        std::chrono::system_clock::time_point at;
        std::uint32_t offset; ///< In `bytes`
        std::uint32_t length; ///< With its newline, where it has one
    };
    std::string bytes;
    std::vector<message> messages;
};

/// Reads a log, oldest first. Memory is bounded by the batch, whatever the log's size.
class log_reader {
  public:
    virtual ~log_reader() = default;
    /// The next messages; null at the end (with `follow`: when the log was closed and all was read). The batch is the
    /// reader's, which fills the same memory again and again, and is valid until the next call.
    virtual task<const log_batch*> next() = 0;
};

/// One container's log, open for as long as the container exists.
class container_log {
  public:
    virtual ~container_log() = default;

    /// Writes chunks in order; lines are put together across chunks. Returns when the operating system has them: from
    /// then on a crash of the engine loses none. One call at a time.
    virtual task<void> append(std::span<const output_chunk> chunks) = 0;
    /// The container's process has ended: unfinished lines are written, and followers come to their end.
    virtual task<void> finish() = 0;
    virtual task<std::unique_ptr<log_reader>> read(log_query query) = 0;

    /// How far the log is written: with `unwind`, lets an engine that comes back decide what a crash cut off.
    /// The position is a text that only the driver understands; it covers unfinished lines too.
    virtual std::string position() const = 0;
    /// Takes back everything that was appended after `position`.
    virtual task<void> unwind(std::string position) = 0;
};

/// Keeps the output of containers.
class log_driver {
  public:
    virtual ~log_driver() = default;

    /// Opens (or makes) the log of a container in `directory`, which is the container's own and exists.
    /// `attributes` goes into each record: the labels, variables and tag that the container's log options choose.
    /// Errors: invalid for an unknown option or a wrong value.
    virtual task<std::unique_ptr<container_log>> open(std::string container_id, std::string directory,
                                                      std::map<std::string, std::string> options,
                                                      std::map<std::string, std::string> attributes) = 0;
    /// Throws errc::invalid when `options` are not ones that `open` takes.
    virtual void check(const std::map<std::string, std::string>& options) const = 0;
    /// LogPath of inspect; empty where there is none.
    virtual std::string path(const std::string& container_id, const std::string& directory) const = 0;
};

} // namespace davit
