#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "api/types/progress_message.h"
#include "cli/terminal.h"

namespace davit::cli {

/// Shows a progress stream: on a terminal a line for each layer, redrawn in place; elsewhere a line for each change of
/// a layer's status.
class progress_display {
  public:
    explicit progress_display(std::FILE* to) : to_{to} {}

    /// Errors: unavailable with the engine's words, when the message is an error.
    void show(const api::progress_message& message);

    /// What one message prints, on a terminal of this size, or where there is none (0 columns): pure, for tests.
    /// A bar is drawn where there is room for it, and a line is cut where there is not: one that wraps would not be
    /// found again. Nor can a line be drawn anew that has left the terminal at its top.
    std::string render(const api::progress_message& message, terminal_size on);

  private:
    std::FILE* to_;
    std::vector<std::string> layers_; ///< In the order of their lines, which are the last ones
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
