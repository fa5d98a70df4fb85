#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/log_driver.h"

namespace davit {

/// Encoded records that wait to be written: a plain block of memory, so that appending is a copy and nothing else.
class record_buffer {
  public:
    explicit record_buffer(std::size_t capacity) : bytes_{new char[capacity]}, capacity_{capacity} {}

    std::string_view text() const noexcept { return {bytes_.get(), size_}; }
    std::size_t size() const noexcept { return size_; }
    std::size_t room() const noexcept { return capacity_ - size_; }
    void clear() noexcept { size_ = 0; }

    /// Where the next record goes; `room()` bytes may be written there.
    char* end() noexcept { return bytes_.get() + size_; }
    void grew_to(const char* end) noexcept { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  private:
    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_;
    std::size_t size_ = 0;
};

/// Writes log records as Docker's json-file driver does, byte for byte:
///     {"log":"a line\n","stream":"stdout","attrs":{…},"time":"2026-11-24T16:25:36.5Z"}
/// with one addition: where a line is not UTF-8, `log` has U+FFFD for each wrong byte as Docker's has, and a further
/// member `raw` holds the line's bytes in base64, so that reading gives back exactly what was written.
class record_encoder {
  public:
    /// The longest line that becomes one record; longer ones are cut into parts without a newline.
    static constexpr std::size_t longest_part = 16u << 10;

    explicit record_encoder(const std::map<std::string, std::string>& attributes);

    /// The time that the next records get.
    void set_time(std::chrono::system_clock::time_point at);
    /// Room that one record may need.
    std::size_t longest_record() const noexcept { return 8 * longest_part + suffix_size_limit_; }
    /// Appends the record of one line (without its newline) or part. `line` has at most `longest_part` bytes, and the
    /// buffer room for `longest_record()`.
    void append(record_buffer& out, output_stream from, std::string_view line, bool has_newline) const;

  private:
    std::string attributes_; // ,"attrs":{…} or nothing
    std::size_t suffix_size_limit_ = 0;
    std::string time_;           // ,"time":"…"}\n
    std::string suffixes_[2][2]; // by stream and newline: what follows the line's text
};

} // namespace davit
