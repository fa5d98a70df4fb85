#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/log_driver.h"
#include "core/semaphore.h"
#include "core/wait_list.h"
#include "io/descriptor.h"
#include "modules/logs/json_file/log_files.h"
#include "modules/logs/json_file/record_encoder.h"
#include "modules/logs/json_file/unfinished_lines.h"

namespace davit {

struct json_file_options {
    std::uint64_t most_bytes = 0; ///< Of one file; 0: no bound
    std::uint64_t most_files = 1;
    std::map<std::string, std::string> attributes;
};

/// How far a log is written, for its readers: outlives the log, so that a reader may.
struct log_progress {
    std::uint64_t generation = 0;
    std::uint64_t size = 0; ///< Of the newest file
    bool is_finished = false;
    wait_list changed;
    semaphore files{1}; ///< Held while files are written, renamed, or found by name
};

/// One container's json-file log. It holds no descriptor between two calls: there may be thousands of logs.
class json_file_log final : public container_log {
  public:
    /// Opens the log in `directory` and takes up what an earlier life left unfinished.
    static task<std::unique_ptr<json_file_log>> open(std::string container_id, std::string directory,
                                                     json_file_options options);
    static std::string path_of(const std::string& container_id, const std::string& directory);

    task<void> append(std::span<const output_chunk> chunks) override;
    task<void> finish() override;
    task<std::unique_ptr<log_reader>> read(log_query query) override;
    std::string position() const override;
    task<void> unwind(std::string position) override;

  private:
    json_file_log(std::string path, std::string sidecar, json_file_options options);

    // These run on a worker, one at a time.
    void load();
    /// Writes records and then the state. On an error no half record stays in the newest file, and nothing open.
    template <class Write> void write_whole(Write records);
    void write(std::span<const output_chunk> chunks);
    void write_chunks(std::span<const output_chunk> chunks);
    void begin_writing();
    void write_lines(const output_chunk& chunk, record_buffer& buffer);
    void write_unfinished();
    void make_room(record_buffer& buffer, std::size_t wanted);
    void flush(record_buffer& buffer);
    void rotate();
    void write_all(std::string_view text);
    void take_back(const unfinished_state& state);
    void commit();

    void announce();

    json_file_options options_;
    log_files files_;
    record_encoder encoder_;
    unfinished_lines sidecar_;
    io::descriptor file_;    ///< The newest file, while a call writes
    unfinished_state state_; ///< After the last append that ended
    std::shared_ptr<log_progress> progress_ = std::make_shared<log_progress>();
};

} // namespace davit
