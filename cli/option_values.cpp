#include "cli/option_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/command.h"
#include "cli/engine.h"
#include "cli/value.h"
#include "core/error.h"
#include "core/platform.h"
#include "io/json.h"

namespace davit::cli {

std::string in_lower_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return std::string{text.substr(0, text.find_last_not_of(blanks) + 1)};
}

std::vector<std::string> split_csv(std::string_view text) {
    std::vector<std::string> fields(1);
    bool is_quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_mark = text[i] == '"';
        if (is_mark && is_quoted && text.substr(i + 1).starts_with('"'))
            fields.back() += text[i++];
        else if (is_mark && (is_quoted || fields.back().empty()))
            is_quoted = !is_quoted;
        else if (is_mark)
            throw error(errc::invalid, "parse error on line 1, column {}: bare \" in non-quoted-field", i + 1);
        else if (text[i] == ',' && !is_quoted)
            fields.emplace_back();
        else
            fields.back() += text[i];
    }
    if (is_quoted)
        throw error(errc::invalid, "parse error on line 1, column {}: extraneous or missing \" in quoted-field",
                    text.size() + 1);
    return fields;
}

std::optional<bool> parse_truth(std::string_view text) {
    for (const std::string_view truth : {"true", "1", "t", "T", "TRUE", "True"})
        if (text == truth) return true;
    for (const std::string_view falsehood : {"false", "0", "f", "F", "FALSE", "False"})
        if (text == falsehood) return false;
    return std::nullopt;
}

std::string absolute_path(const std::string& path) {
    std::string whole = std::filesystem::absolute(path).lexically_normal();
    if (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
    return whole;
}

namespace {

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
    const std::size_t slash = text.find('/');
    double cpus = 0, divisor = 1;
    const bool is_number = reads_whole(text.substr(0, slash), cpus) &&
                           (slash == std::string::npos || reads_whole(text.substr(slash + 1), divisor));
    if (!is_number || divisor == 0 || !std::isfinite(cpus / divisor * 1e9))
        throw error(errc::invalid, "failed to parse {} as a rational number", text);
    const double billionths = cpus / divisor * 1e9;
    if (std::abs(billionths - std::round(billionths)) > 1e-3) throw error(errc::invalid, "value is too precise");
    return std::llround(billionths);
}

std::int64_t parse_whole_number(const std::string& text) {
    std::int64_t number = 0;
    if (!reads_whole(text, number))
        throw error(errc::invalid, "strconv.ParseInt: parsing \"{}\": invalid syntax", text);
    return number;
}

std::optional<std::chrono::nanoseconds> parse_span(std::string_view text) {
    std::chrono::nanoseconds sum{0};
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        double number = 0;
        const auto [unit, failed] = std::from_chars(at, end, number);
        if (failed != std::errc{}) return std::nullopt;
        const std::string_view rest{unit, static_cast<std::size_t>(end - unit)};
        double seconds = 0;
        std::size_t length = 1;
        if (rest.starts_with("ms") || rest.starts_with("us") || rest.starts_with("ns")) {
            seconds = rest[0] == 'm' ? 1e-3 : rest[0] == 'u' ? 1e-6 : 1e-9;
            length = 2;
        } else if (rest.starts_with("h")) {
            seconds = 3600;
        } else if (rest.starts_with("m")) {
            seconds = 60;
        } else if (rest.starts_with("s")) {
            seconds = 1;
        } else {
            return std::nullopt;
        }
        sum += std::chrono::nanoseconds{static_cast<std::int64_t>(number * seconds * 1e9)};
        at = unit + length;
    }
    return sum;
}

bool is_address(const std::string& text) {
    in6_addr address{};
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1 || ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string parse_address(const std::string& text) {
    if (!is_address(text)) throw error(errc::invalid, "IP address is not correctly formatted: {}", text);
    return text;
}

std::string parse_extra_host(const std::string& text) {
    const std::size_t mark = text.find_first_of("=:");
    if (mark == std::string::npos || mark == 0) throw error(errc::invalid, "bad format for add-host: \"{}\"", text);
    std::string address = text.substr(mark + 1);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    if (address != "host-gateway" && !is_address(address))
        throw error(errc::invalid, "invalid IP address in add-host: \"{}\"", address);
    return fmt::format("{}:{}", text.substr(0, mark), address);
}

ulimit_config parse_ulimit(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) throw error(errc::invalid, "invalid ulimit argument: {}", text);
    ulimit_config parsed{text.substr(0, equals), 0, 0};
    constexpr std::array known = {"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
                                  "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
    if (std::find(known.begin(), known.end(), parsed.name) == known.end())
        throw error(errc::invalid, "invalid ulimit type: {}", parsed.name);
    const std::string limits = text.substr(equals + 1);
    const std::size_t colon = limits.find(':');
    if (limits.find(':', colon + 1) < limits.size() && colon != std::string::npos)
        throw error(errc::invalid, "too many limit value arguments - {}, can only have up to two, `soft[:hard]`",
                    limits);
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
        names.insert(name == "ALL" || name.starts_with("CAP_") ? name : "CAP_" + name);
    }
    return {names.begin(), names.end()};
}

void check_sysctl(const std::string& text) {
    const std::string name = split_pair(text).first;
    bool is_known = name.starts_with("net.") || name.starts_with("fs.mqueue.");
    for (const std::string_view one :
         {"msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"})
        is_known = is_known || (name.starts_with("kernel.") && name.substr(7) == one);
    if (!is_known || text.find('=') == std::string::npos)
        throw error(errc::invalid, "sysctl '{}' is not allowed", text);
}

std::optional<std::string> parse_bind(const std::string& text) {
    if (text.empty()) throw error(errc::invalid, "invalid empty volume spec");
    if (text.size() <= 2 || text.find(':') == std::string::npos) return std::nullopt;
    if (text.starts_with(':') || text.ends_with(':') || text.find("::") != std::string::npos)
        throw error(errc::invalid, "invalid spec: {}: empty section between colons", text);
    const std::size_t colon = text.find(':');
    return (text.starts_with('.') ? absolute_path(text.substr(0, colon)) : text.substr(0, colon)) + text.substr(colon);
}

std::string parse_security_option(const std::string& text) {
    const std::size_t mark = text.find_first_of(text.find('=') == std::string::npos ? ":" : "=");
    const bool has_value = mark != std::string::npos && mark + 1 < text.size();
    if (text.substr(0, mark) != "no-new-privileges" && !has_value)
        throw error(errc::invalid, "Invalid --security-opt: \"{}\"", text);
    if (text.substr(0, mark) != "seccomp") return text;
    const std::string profile = text.substr(mark + 1);
    if (profile == "unconfined" || profile == "builtin") return text;
    std::ifstream file{profile};
    std::ostringstream content;
    errno = 0;
    if (!file || !(content << file.rdbuf()))
        throw error(errc::invalid, "opening seccomp profile ({0}) failed: open {0}: {1}", profile,
                    in_lower_case(std::strerror(errno == 0 ? ENOENT : errno)));
    try {
        return "seccomp=" + value::parse(content.str(), "the profile").to_json();
    } catch (const error& e) {
        throw error(errc::invalid, "compacting json for seccomp profile ({}) failed: {}", profile, e.text());
    }
}

void check_search_domain(const std::string& text) {
    const std::string domain = trimmed(text);
    bool has_letter = domain == ".", is_right = domain.size() < 255 && !domain.starts_with('-');
    for (const char c : domain) {
        const auto letter = static_cast<unsigned char>(c);
        has_letter = has_letter || std::isalpha(letter) != 0;
        is_right = is_right && (std::isalnum(letter) != 0 || c == '.' || c == '-');
    }
    if (!has_letter || !is_right) throw error(errc::invalid, "{} is not a valid domain", text);
}

void check_variable(const std::string& assignment) {
    if (assignment.empty() || assignment[0] == '=')
        throw error(errc::invalid, "invalid environment variable: {}", assignment);
}

void check_label(const std::string& label) {
    const std::string name = split_pair(label).first;
    if (name.find_first_not_of(" \t") == std::string::npos)
        throw error(errc::invalid, "invalid label '{}': empty name", label);
    if (name.find_first_of(" \t") != std::string::npos)
        throw error(errc::invalid, "label '{}' contains whitespaces", name);
}

void check_platform(const std::string& text) {
    for (const std::string_view known :
         {"linux", "windows", "darwin",   "freebsd", "amd64", "x86_64", "x86-64",  "386",
          "i386",  "arm64",   "aarch64",  "arm",     "armhf", "armel",  "ppc64le", "ppc64",
          "s390x", "riscv64", "mips64le", "mips64",  "mips",  "mipsle", "loong64", "wasm"})
        if (text == known) return;
    if (std::count(text.begin(), text.end(), '/') > 2)
        throw error(errc::invalid,
                    "error parsing specified platform: \"{}\": cannot parse platform specifier: invalid argument",
                    text);
    if (text.find('/') == std::string::npos)
        throw error(
            errc::invalid,
            "error parsing specified platform: \"{}\": unknown operating system or architecture: invalid argument",
            text);
}

std::string encoded_platform(const std::string& text) {
    try {
        return encoded(io::to_json(parse_platform(text)));
    } catch (const error& e) {
        throw exit_error(1, "{}: invalid argument", e.text());
    }
}

bool is_image_id(std::string_view text) noexcept {
    if (text.starts_with("sha256:")) text.remove_prefix(7);
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::pair<std::string, std::string> split_pair(const std::string& text) {
    const std::size_t equals = text.find('=');
    return {text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
}

} // namespace davit::cli
