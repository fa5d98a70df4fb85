#include "cli/pull_progress.h"

#include <algorithm>

#include <fmt/core.h>

#include "api/types/human_units.h"
#include "cli/output.h"
#include "core/error.h"

namespace davit::cli {

namespace {

constexpr std::size_t columns_with_bar = 110;

} // namespace

std::string progress_display::amounts(const api::progress_message& message) const {
    if (!message.detail || message.detail->total <= 0)
        return message.progress.empty() ? "" : " " + printable(message.progress);
    const auto [current, total] = *message.detail;
    if (columns_ > columns_with_bar)
        return " " + api::progress_bar(static_cast<std::uint64_t>(std::max<std::int64_t>(current, 0)),
                                       static_cast<std::uint64_t>(total));
    return fmt::format(" {:>8}/{}", api::human_size(static_cast<double>(current)),
                       api::human_size(static_cast<double>(total)));
}

std::string progress_display::render(const api::progress_message& message) {
    const std::string status = printable(message.status);
    if (message.id.empty()) return status + "\n";
    const std::string line = fmt::format("{}: {}{}", printable(message.id), status, amounts(message));
    if (columns_ == 0) return message.detail && message.detail->total != 0 ? "" : line + "\n";

    const auto at = std::find(layers_.begin(), layers_.end(), message.id);
    if (at == layers_.end()) {
        layers_.push_back(message.id);
        return "\x1b[2K" + line + "\n";
    }
    const auto up = layers_.end() - at;
    return fmt::format("\x1b[{}A\r\x1b[2K{}\x1b[{}B\r", up, line, up);
}

void progress_display::show(const api::progress_message& message) {
    if (!message.error.empty()) throw error(errc::unavailable, "{}", message.error);
    const std::string text = render(message);
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
