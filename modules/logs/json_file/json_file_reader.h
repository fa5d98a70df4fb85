#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/log_driver.h"
#include "io/descriptor.h"
#include "modules/logs/json_file/log_files.h"
#include "modules/logs/json_file/record_decoder.h"

namespace davit {

struct log_progress;

/// Reads one log, oldest file first, in blocks on workers. Rotation does not disturb it: it holds the file it reads.
class json_file_reader final : public log_reader {
  public:
    static task<std::unique_ptr<log_reader>> open(log_files files, std::shared_ptr<log_progress> progress,
                                                  log_query query);

    task<const log_batch*> next() override;

  private:
    json_file_reader(log_files files, std::shared_ptr<log_progress> progress, log_query query);

    /// Opens the file to begin with, and finds where in it. Writers wait only while a file is found by name.
    task<void> find_begin();
    /// Opens the file that was `age` rotations old when reading began. False when there is none any more.
    task<bool> open_age(std::uint64_t age);

    // On a worker.
    bool read_block(std::uint64_t limit);
    void open_generation(std::uint64_t newest_generation);

    log_files files_;
    std::shared_ptr<log_progress> progress_;
    log_query query_;
    record_decoder decoder_;
    io::descriptor file_;
    std::uint64_t generation_ = 0; ///< Of the open file
    std::uint64_t first_age_ = 0;  ///< Older files to go before generation 0: rotated in an earlier life of the engine
    std::uint64_t offset_ = 0;
    std::uint64_t last_generation_ = 0; ///< Where reading ends without `follow`
    std::uint64_t last_size_ = 0;
    std::string block_; ///< Ends with the part of a record that the next block completes
    log_batch batch_;   ///< What was given last
    bool is_at_end_ = false;
};

} // namespace davit
