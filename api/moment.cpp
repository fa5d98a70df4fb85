#include "api/moment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/rfc3339.h"

namespace davit::api {

namespace {

template <class T> bool read_whole(std::string_view text, T& into) {
    const char* end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, into);
    return failed == std::errc{} && at == end;
}

/// "1h30m", "1.5h": numbers with their units, as Go writes a span of time.
std::optional<std::chrono::nanoseconds> parse_span(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, double>, 6> units = {
        {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
    constexpr double longest = 9e18; // nanoseconds that 64 bits hold
    double total = 0;
    while (!text.empty()) {
        const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
        double number = 0;
        const auto read = std::from_chars(text.data(), text.data() + digits, number, std::chars_format::fixed);
        if (read.ec != std::errc{} || read.ptr != text.data() + digits) return std::nullopt;
        text.remove_prefix(digits);
        const auto name = text.substr(0, text.find_first_of("0123456789."));
        const auto unit = std::ranges::find(units, name, [](const auto& known) { return known.first; });
        if (unit == units.end()) return std::nullopt;
        total += number * unit->second;
        text.remove_prefix(name.size());
    }
    if (total >= longest) return std::nullopt;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

} // namespace

std::optional<std::chrono::system_clock::time_point> parse_moment_or_age(std::string_view text,
                                                                         std::string_view parameter) {
    if (text.empty()) return std::nullopt;
    if (const auto age = parse_span(text)) return std::chrono::system_clock::now() - *age;
    constexpr std::string_view midnight = "T00:00:00";
    constexpr std::size_t date_size = 10;
    constexpr std::size_t second_size = date_size + midnight.size();
    // A date, or a time to the hour, the minute or the second, without a zone: it is UTC.
    if (text.size() >= date_size && text.size() <= second_size && text.find_first_of("-") == 4)
        if (const auto moment = parse_rfc3339(fmt::format("{}{}Z", text, midnight.substr(text.size() - date_size))))
            return moment;
    return parse_moment(text, parameter);
}

std::optional<std::chrono::system_clock::time_point> parse_moment(std::string_view text, std::string_view parameter) {
    using namespace std::chrono;
    if (text.empty()) return std::nullopt;
    const auto dot = text.find('.');
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
    if (read_whole(text.substr(0, dot), whole)) {
        const auto digits = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1, 9);
        std::uint64_t read = 0;
        if (digits.empty() || read_whole(digits, read)) {
            fraction = static_cast<std::int64_t>(read);
            for (std::size_t place = digits.size(); place < 9; ++place) fraction *= 10;
            if (whole == 0 && fraction == 0) return std::nullopt;
            constexpr std::int64_t furthest = 9'000'000'000; // seconds that 64-bit nanoseconds hold
            return system_clock::time_point{seconds{std::clamp(whole, -furthest, furthest)} + nanoseconds{fraction}};
        }
    }
    if (const auto moment = parse_rfc3339(text)) return moment;
    throw error(errc::invalid, "the parameter {} is a time in Unix seconds or as RFC 3339, not \"{}\"", parameter,
                text);
}

} // namespace davit::api
