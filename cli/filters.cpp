#include "cli/filters.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <ctime>
#include <map>
#include <optional>

#include "cli/command.h"
#include "cli/engine.h"
#include "cli/option_values.h"
#include "core/rfc3339.h"

namespace davit::cli {

void declare_filters(flag_set& flags, std::vector<std::string>& into) {
    flags.parsed("filter", 'f', "filter", "Filter output based on conditions provided",
                 [&into](const std::string& text) {
                     if (text.empty()) return;
                     if (text.find('=') == std::string::npos)
                         throw error(errc::invalid, "bad format of filter (expected name=value)");
                     into.push_back(text);
                 });
}

std::string filters_parameter(const std::vector<std::string>& filters) {
    if (filters.empty()) return "";
    std::map<std::string, std::vector<std::string>> by_name;
    for (const std::string& filter : filters) {
        const auto [name, wanted] = split_pair(filter);
        std::string key = trimmed(name);
        for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        by_name[key].push_back(trimmed(wanted));
    }
    return "filters=" + encoded(io::to_json(by_name));
}

namespace {

std::string unix_time(std::chrono::system_clock::time_point at) {
    const auto total = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
    return fmt::format("{}.{:09}", total / 1'000'000'000, total % 1'000'000'000);
}

} // namespace

std::string moment_parameter(const std::string& text, std::string_view complaint) {
    const auto refusal = [&] {
        return exit_error(1, "{}failed to parse value as time or duration: \"{}\"", complaint, text);
    };
    if (const auto span = parse_span(text); span && !text.empty())
        return unix_time(std::chrono::system_clock::now() -
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(*span));
    if (text.find('-') == std::string::npos) {
        if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos || text.front() == '.' ||
            text.back() == '.')
            throw refusal();
        return text; // a Unix time
    }
    // Dates without a zone are local; missing parts are zero.
    const bool is_utc = text.ends_with('Z');
    if (is_utc || text.find_first_of("+.") == std::string::npos) {
        const std::string local = text.substr(0, text.size() - (is_utc ? 1 : 0));
        std::tm parts{};
        for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d"}) {
            parts = {};
            const char* const rest = ::strptime(local.c_str(), form, &parts);
            if (!rest || *rest != '\0') continue;
            parts.tm_isdst = -1;
            return fmt::format("{}.000000000", is_utc ? ::timegm(&parts) : std::mktime(&parts));
        }
    }
    if (const std::size_t point = text.find('.'); point != std::string::npos) {
        const std::size_t zone = text.find_first_not_of("0123456789", point + 1);
        if (zone == std::string::npos) { // local, with parts of a second
            const std::string whole = moment_parameter(text.substr(0, point), complaint);
            return fmt::format("{}.{:0<9}", whole.substr(0, whole.find('.')), text.substr(point + 1, 9));
        }
    }
    const auto moment = parse_rfc3339(text);
    if (!moment) throw refusal();
    return unix_time(*moment);
}

} // namespace davit::cli
