#include "core/rfc3339.h"

#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace davit {
namespace {

using clock = std::chrono::system_clock;
using std::chrono::nanoseconds;
using std::chrono::sys_days;

constexpr std::string_view never = "0001-01-01T00:00:00Z";

std::string format_seconds(clock::time_point moment) {
    const auto day = std::chrono::floor<std::chrono::days>(moment);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(moment - day)};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count());
}

std::int64_t nanoseconds_of(clock::time_point moment) {
    return std::chrono::duration_cast<nanoseconds>(moment - std::chrono::floor<std::chrono::seconds>(moment)).count();
}

/// Takes tokens off the front of a text; every step says whether it fitted.
struct scanner {
    std::string_view rest;

    bool literal(char wanted) {
        if (rest.empty() || rest.front() != wanted) return false;
        rest.remove_prefix(1);
        return true;
    }

    bool number(unsigned digits, int& value) {
        if (rest.size() < digits) return false;
        value = 0;
        for (const char c : rest.substr(0, digits)) {
            if (c < '0' || c > '9') return false;
            value = value * 10 + (c - '0');
        }
        rest.remove_prefix(digits);
        return true;
    }

    bool fraction(std::int64_t& nanos) {
        if (rest.empty() || rest.front() < '0' || rest.front() > '9') return false;
        std::int64_t scale = 100'000'000;
        for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1)) {
            nanos += (rest.front() - '0') * scale;
            scale /= 10;
        }
        return true;
    }

    bool offset(std::chrono::minutes& east) {
        if (literal('Z') || literal('z')) return true;
        const int sign = literal('-') ? -1 : literal('+') ? 1 : 0;
        int hours = 0;
        int minutes = 0;
        if (sign == 0 || !number(2, hours) || !literal(':') || !number(2, minutes) || hours > 23 || minutes > 59)
            return false;
        east = std::chrono::minutes{sign * (hours * 60 + minutes)};
        return true;
    }
};

} // namespace

std::string to_rfc3339(clock::time_point moment) {
    if (moment == clock::time_point{}) return std::string{never};
    auto text = format_seconds(moment);
    if (const auto nanos = nanoseconds_of(moment); nanos != 0) {
        fmt::format_to(std::back_inserter(text), ".{:09}", nanos);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + 'Z';
}

std::string to_rfc3339_fixed(clock::time_point moment) {
    if (moment == clock::time_point{}) return "0001-01-01T00:00:00.000000000Z";
    return fmt::format("{}.{:09}Z", format_seconds(moment), nanoseconds_of(moment));
}

std::optional<clock::time_point> parse_rfc3339(std::string_view text) {
    scanner in{text};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::int64_t nanos = 0;
    std::chrono::minutes east{0};
    if (!in.number(4, year) || !in.literal('-') || !in.number(2, month) || !in.literal('-') || !in.number(2, day))
        return std::nullopt;
    if (!in.literal('T') && !in.literal('t')) return std::nullopt;
    if (!in.number(2, hour) || !in.literal(':') || !in.number(2, minute) || !in.literal(':') || !in.number(2, second))
        return std::nullopt;
    if (in.literal('.') && !in.fraction(nanos)) return std::nullopt;
    if (!in.offset(east) || !in.rest.empty()) return std::nullopt;

    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const auto seconds = sys_days{date}.time_since_epoch() + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                         std::chrono::seconds{second} - east;
    constexpr auto year_one = sys_days{std::chrono::year{1} / 1 / 1}.time_since_epoch();
    if (seconds == year_one && nanos == 0) return clock::time_point{};
    constexpr auto furthest = std::chrono::duration_cast<std::chrono::seconds>(nanoseconds::max());
    if (seconds >= furthest || seconds <= -furthest) return std::nullopt;
    return clock::time_point{std::chrono::duration_cast<clock::duration>(nanoseconds{seconds} + nanoseconds{nanos})};
}

} // namespace davit
