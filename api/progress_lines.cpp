#include "api/progress_lines.h"

#include "api/types/human_units.h"
#include "api/types/progress_message.h"
#include "io/json.h"

namespace davit::api {

void progress_lines::add(const progress_update& update) {
    if (update.has_amounts)
        for (auto& earlier : waiting_)
            if (earlier.has_amounts && earlier.id == update.id && earlier.status == update.status) {
                earlier = update;
                return;
            }
    waiting_.push_back(update);
    reader_.wake_all();
}

void progress_lines::close() noexcept {
    is_closed_ = true;
    reader_.wake_all();
}

task<void> progress_lines::wait() {
    while (waiting_.empty() && !is_closed_) co_await reader_.wait();
}

std::string progress_lines::take() {
    std::string lines;
    for (const auto& update : waiting_) lines += progress_line(update);
    waiting_.clear();
    return lines;
}

std::string progress_line(const progress_update& update) {
    progress_message message;
    message.status = update.status;
    message.id = update.id;
    // A layer's line has the object even when it is empty; a line about the whole image has none.
    const bool is_about_all = update.id.empty() || update.status.starts_with("Pulling from ");
    if (!is_about_all) message.detail.emplace();
    if (update.has_amounts) {
        message.detail =
            progress_detail{static_cast<std::int64_t>(update.current), static_cast<std::int64_t>(update.total)};
        message.progress = progress_bar(update.current, update.total);
    }
    return io::to_json(message) + "\n";
}

std::string failure_line(const std::string& text) {
    progress_message message;
    message.failure = error_detail{0, text};
    message.error = text;
    return io::to_json(message) + "\n";
}

} // namespace davit::api
