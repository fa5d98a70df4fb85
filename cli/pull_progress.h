#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/progress_message.h"

namespace davit::cli {

/// Shows a progress stream: on a terminal a line for each layer, redrawn in place; elsewhere a line for each change of
/// a layer's status.
class progress_display {
  public:
    /// `columns`: the terminal's width, 0 where `to` is none. A bar is drawn where there is room for it: a line that
    /// wraps would not be found again.
    progress_display(std::FILE* to, std::size_t columns) : to_{to}, columns_{columns} {}

    /// Errors: unavailable with the engine's words, when the message is an error.
    void show(const api::progress_message& message);

    /// What one message prints: pure, for tests.
    std::string render(const api::progress_message& message);

  private:
    std::string amounts(const api::progress_message& message) const;

    std::FILE* to_;
    std::size_t columns_;
    std::vector<std::string> layers_; ///< In the order of their lines
};

/// Splits a stream of JSON values, one a line, that arrives in pieces.
class line_splitter {
  public:
    void add(std::string_view bytes) { pending_ += bytes; }
    /// The next whole line; false when there is none.
    bool next(std::string& line);

  private:
    std::string pending_;
};

} // namespace davit::cli
