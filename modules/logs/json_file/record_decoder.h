#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/log_driver.h"

namespace davit {

/// Reads records of a json-file log back into messages: those that Davit's own encoder or Docker wrote, and any other
/// JSON object with `log`, `stream` and `time`. A record that is none is left out.
class record_decoder {
  public:
    explicit record_decoder(const log_query& query) : query_{query} {}

    /// Appends the messages of whole records (each ending with a newline) that the query wants. Returns false when the
    /// end of what is wanted was reached.
    bool decode(std::string_view records, log_batch& into);

  private:
    bool decode_record(std::string_view record, log_batch& into);
    bool decode_fast(std::string_view record, log_batch& into, output_stream& from);
    bool decode_slowly(std::string_view record, log_batch& into, output_stream& from);
    bool read_time(std::string_view text);

    log_query query_;
    std::string time_text_; // of the last record: many in a row have the same
    std::chrono::system_clock::time_point time_{};
};

} // namespace davit
