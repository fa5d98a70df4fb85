#include "api/types/human_units.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace davit::api {

std::string human_size(double bytes, int digits) {
    static constexpr std::array<std::string_view, 9> units = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    std::size_t unit = 0;
    while (bytes >= 1000.0 && unit + 1 < units.size()) {
        bytes /= 1000.0;
        ++unit;
    }
    return fmt::format("{:.{}g}{}", bytes, digits, units[unit]);
}

std::string human_duration(std::chrono::nanoseconds span) {
    using namespace std::chrono;
    const auto whole_seconds = duration_cast<seconds>(span).count();
    if (whole_seconds < 1) return "Less than a second";
    if (whole_seconds == 1) return "1 second";
    if (whole_seconds < 60) return fmt::format("{} seconds", whole_seconds);
    const auto whole_minutes = whole_seconds / 60;
    if (whole_minutes == 1) return "About a minute";
    if (whole_minutes < 60) return fmt::format("{} minutes", whole_minutes);
    const auto rounded_hours = (whole_seconds + 1800) / 3600;
    if (rounded_hours == 1) return "About an hour";
    if (rounded_hours < 48) return fmt::format("{} hours", rounded_hours);
    if (rounded_hours < 24 * 7 * 2) return fmt::format("{} days", rounded_hours / 24);
    if (rounded_hours < 24 * 30 * 2) return fmt::format("{} weeks", rounded_hours / 24 / 7);
    if (rounded_hours < 24 * 365 * 2) return fmt::format("{} months", rounded_hours / 24 / 30);
    return fmt::format("{} years", whole_seconds / (24 * 365 * 3600));
}

std::string progress_bar(std::uint64_t current, std::uint64_t total) {
    if (current == 0 && total == 0) return {};
    const std::string amount = human_size(static_cast<double>(current));
    if (total == 0) return fmt::format("{:>8}", amount);
    constexpr std::size_t width = 50;
    const auto filled = std::min<std::size_t>(
        width, static_cast<std::size_t>(static_cast<double>(current) / static_cast<double>(total) * 100) / 2);
    std::string bar = "[" + std::string(filled, '=') + ">" + std::string(width - filled, ' ') + "] ";
    bar += fmt::format("{:>8}", amount);
    if (current <= total) bar += "/" + human_size(static_cast<double>(total));
    return bar;
}

} // namespace davit::api
