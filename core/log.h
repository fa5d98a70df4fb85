#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace davit::log {

enum class level : std::uint8_t { debug, info, warn, error };

/// Where the engine's own log lines go. Lines are one line each: control characters are escaped before they get here.
using sink = void (*)(level, std::string_view line);

/// Sets the sink (null: standard error) and the lowest level that reaches it. At first warnings and errors go to
/// standard error.
void set_sink(sink receiver, level lowest) noexcept;
bool is_enabled(level of) noexcept;
/// Escapes control characters in `text` and hands it to the sink.
void write(level of, std::string_view text);

template <class... Args> void debug(fmt::format_string<Args...> text, Args&&... args) {
    if (is_enabled(level::debug)) write(level::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args> void info(fmt::format_string<Args...> text, Args&&... args) {
    if (is_enabled(level::info)) write(level::info, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args> void warn(fmt::format_string<Args...> text, Args&&... args) {
    if (is_enabled(level::warn)) write(level::warn, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args> void error(fmt::format_string<Args...> text, Args&&... args) {
    if (is_enabled(level::error)) write(level::error, fmt::format(text, std::forward<Args>(args)...));
}

} // namespace davit::log
