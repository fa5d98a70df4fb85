#pragma once

#include <cstdint>
#include <memory>

namespace davit::cli {

bool is_terminal(int fd) noexcept;

/// Errors: exit_error when standard input is no terminal.
void require_terminal();

struct terminal_size {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
};

/// 0 by 0 when `fd` is no terminal.
terminal_size size_of_terminal(int fd) noexcept;

/// Puts a terminal into raw mode, so that the container's terminal does what keys mean, and back when it ends, also
/// when the program ends by a signal. One at a time.
class raw_mode {
  public:
    explicit raw_mode(int fd);
    raw_mode(const raw_mode&) = delete;
    raw_mode& operator=(const raw_mode&) = delete;
    ~raw_mode();
};

} // namespace davit::cli
