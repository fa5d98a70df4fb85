#include "api/moment.h"

#include <charconv>
#include <cstdint>

#include "core/error.h"
#include "core/rfc3339.h"

namespace davit::api {

namespace {

template <class T> bool read_whole(std::string_view text, T& into) {
    const char* end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, into);
    return failed == std::errc{} && at == end;
}

} // namespace

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
            if (whole > -furthest && whole < furthest)
                return system_clock::time_point{seconds{whole} + nanoseconds{fraction}};
        }
    }
    if (const auto moment = parse_rfc3339(text)) return moment;
    throw error(errc::invalid, "the parameter {} is a time in Unix seconds or as RFC 3339, not \"{}\"", parameter,
                text);
}

} // namespace davit::api
