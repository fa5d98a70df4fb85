#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace davit::cli {

/// Which of a container's streams join with this process's.
struct attached_streams {
    bool standard_input = false;
    bool standard_output = true;
    bool standard_error = true;
    bool is_tty = false; ///< One stream without frames: everything goes to standard output
};

/// Takes apart frames of the multiplexed stream as they come and writes them to standard output and standard error.
class output_writer {
  public:
    explicit output_writer(attached_streams wants) : wants_{wants} {}
    /// Errors: exit_error as of a program that a broken pipe has ended, when nobody reads any more.
    void write(std::string_view bytes);

  private:
    void write_payload(std::string_view bytes);

    attached_streams wants_;
    std::string head_;
    std::size_t left_ = 0;
    unsigned char from_ = 1;
};

} // namespace davit::cli
