#include "api/davitd/log_sink.h"

#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include "core/error.h"

namespace davit::api {

namespace {

spdlog::logger& logger() {
    static const auto made = [] {
        auto to_stderr =
            std::make_shared<spdlog::logger>("davitd", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>());
        to_stderr->set_level(spdlog::level::trace);
        to_stderr->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
        return to_stderr;
    }();
    return *made;
}

void write(log::level level, std::string_view line) {
    static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                           spdlog::level::warn, spdlog::level::err};
    logger().log(levels[static_cast<std::size_t>(level)], spdlog::string_view_t{line.data(), line.size()});
    logger().flush();
}

} // namespace

log::level parse_log_level(std::string_view text) {
    if (text == "debug" || text == "trace") return log::level::debug;
    if (text == "info") return log::level::info;
    if (text == "warn" || text == "warning") return log::level::warn;
    if (text == "error" || text == "fatal" || text == "panic") return log::level::error;
    throw error(errc::invalid, "invalid logging level: {}", text);
}

void log_to_standard_error(log::level lowest) {
    log::set_sink(write, lowest);
}

} // namespace davit::api
