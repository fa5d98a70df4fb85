#include "cli/pull_progress.h"

#include <algorithm>

#include <fmt/core.h>

#include "api/types/human_units.h"
#include "cli/output.h"
#include "core/error.h"

namespace davit::cli {

namespace {

constexpr std::uint16_t columns_with_bar = 110;

std::string amounts(const api::progress_message& message, std::uint16_t columns) {
    if (!message.detail || message.detail->total <= 0)
        return message.progress.empty() ? "" : " " + printable(message.progress);
    const auto [current, total] = *message.detail;
    if (columns > columns_with_bar)
        return " " + api::progress_bar(static_cast<std::uint64_t>(std::max<std::int64_t>(current, 0)),
                                       static_cast<std::uint64_t>(total));
    return fmt::format(" {:>8}/{}", api::human_size(static_cast<double>(current)),
                       api::human_size(static_cast<double>(total)));
}

/// A terminal may change its size meanwhile. One that doesn't tell it is taken for one of the usual width.
terminal_size size_of(std::FILE* to) {
    terminal_size size = size_of_terminal(::fileno(to));
    if (size.columns == 0 && is_terminal(::fileno(to))) size.columns = 80;
    return size;
}

} // namespace

std::string progress_display::render(const api::progress_message& message, terminal_size on) {
    const std::string status = printable(message.status);
    const bool is_progress = !message.id.empty() && (message.detail || !message.progress.empty());
    if (!is_progress) layers_.clear(); // a line that is no layer's is below them
    if (message.id.empty()) return status + "\n";
    std::string line = fmt::format("{}: {}{}", printable(message.id), status, amounts(message, on.columns));
    if (on.columns == 0) {
        const bool has_amounts = message.detail && (message.detail->total != 0 || message.detail->current != 0);
        return has_amounts ? "" : line + "\n";
    }
    line = with_ellipsis(std::move(line), std::max(on.columns - 1, 1));
    const auto at = std::find(layers_.begin(), layers_.end(), message.id);
    if (at == layers_.end()) {
        if (is_progress) layers_.push_back(message.id);
        return "\x1b[2K" + line + "\n";
    }
    const auto up = layers_.end() - at;
    if (on.rows != 0 && up >= on.rows) return "";
    return fmt::format("\x1b[{}A\r\x1b[2K{}\x1b[{}B\r", up, line, up);
}

void progress_display::show(const api::progress_message& message) {
    if (!message.error.empty()) throw error(errc::unavailable, "{}", message.error);
    const std::string text = render(message, size_of(to_));
    std::fwrite(text.data(), 1, text.size(), to_);
    std::fflush(to_);
}

bool line_splitter::next(std::string& line) {
    const std::size_t end = pending_.find('\n');
    if (end == std::string::npos) return false;
    line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    return true;
}

} // namespace davit::cli
