#include "cli/option_values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "core/error.h"

namespace davit::cli {

namespace {

std::string in_lower_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

template <class Number> bool reads_whole(std::string_view text, Number& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size();
}

/// How often 1024 goes into a unit: "" and "b" 0, "k", "kb" and "kib" 1, … Nothing for what is no unit.
int power_of_unit(const std::string& unit) {
    if (unit.empty() || unit == "b") return 0;
    const std::size_t power = std::string_view{"kmgtp"}.find(unit[0]);
    if (power == std::string_view::npos || (unit.size() > 1 && unit.substr(1) != "b" && unit.substr(1) != "ib"))
        throw error(errc::invalid, "invalid suffix: '{}'", unit);
    return static_cast<int>(power) + 1;
}

} // namespace

std::int64_t parse_bytes(const std::string& text) {
    const std::size_t last_of_number = text.find_last_of("0123456789. ");
    if (last_of_number == std::string::npos) throw error(errc::invalid, "invalid size: '{}'", text);
    const std::size_t length = last_of_number + (text[last_of_number] == ' ' ? 0 : 1);
    const std::string digits = text.substr(0, length);
    double number = 0;
    if (!reads_whole(digits, number))
        throw error(errc::invalid, "strconv.ParseFloat: parsing \"{}\": invalid syntax", digits);
    if (number < 0) throw error(errc::invalid, "invalid size: '{}'", text);
    for (int power = power_of_unit(in_lower_case(text.substr(last_of_number + 1))); power > 0; --power) number *= 1024;
    return static_cast<std::int64_t>(number);
}

std::int64_t parse_cpus(const std::string& text) {
    double cpus = 0;
    if (!reads_whole(text, cpus)) throw error(errc::invalid, "failed to parse {} as a rational number", text);
    return static_cast<std::int64_t>(cpus * 1e9);
}

ulimit_config parse_ulimit(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) throw error(errc::invalid, "invalid ulimit argument: {}", text);
    ulimit_config parsed{text.substr(0, equals), 0, 0};
    const std::string limits = text.substr(equals + 1);
    const std::size_t colon = limits.find(':');
    const auto read = [&](const std::string& digits) {
        std::int64_t limit = 0;
        if (!reads_whole(digits, limit))
            throw error(errc::invalid, "strconv.ParseInt: parsing \"{}\": invalid syntax", digits);
        return limit;
    };
    parsed.soft = read(limits.substr(0, colon));
    parsed.hard = colon == std::string::npos ? parsed.soft : read(limits.substr(colon + 1));
    if (parsed.hard != -1 && (parsed.soft == -1 || parsed.soft > parsed.hard))
        throw error(errc::invalid, "ulimit soft limit must be less than or equal to hard limit: {} > {}", parsed.soft,
                    parsed.hard);
    return parsed;
}

restart_policy parse_restart_policy(const std::string& text) {
    restart_policy policy;
    const std::size_t colon = text.find(':');
    policy.name = text.substr(0, colon);
    if (policy.name.empty() && !text.empty())
        throw error(errc::invalid, "invalid restart policy format: no policy provided before colon");
    if (colon != std::string::npos && !reads_whole(text.substr(colon + 1), policy.maximum_retry_count))
        throw error(errc::invalid, "invalid restart policy format: maximum retry count must be an integer");
    return policy;
}

std::vector<std::string> capability_names(const std::vector<std::string>& given) {
    std::set<std::string> names;
    for (std::string name : given) {
        for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        if (name == "ALL") return {name};
        names.insert(name.starts_with("CAP_") ? name : "CAP_" + name);
    }
    return {names.begin(), names.end()};
}

void check_variable(const std::string& assignment) {
    if (assignment.empty() || assignment[0] == '=')
        throw error(errc::invalid, "invalid environment variable: {}", assignment);
}

void check_label(const std::string& label) {
    if (split_pair(label).first.find_first_not_of(" \t") == std::string::npos)
        throw error(errc::invalid, "invalid label '{}': empty name", label);
}

bool is_image_id(std::string_view text) noexcept {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::pair<std::string, std::string> split_pair(const std::string& text) {
    const std::size_t equals = text.find('=');
    return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

} // namespace davit::cli
