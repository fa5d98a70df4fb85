#include "cli/option_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>
#include <set>

#include "core/error.h"

namespace davit::cli {

std::string in_lower_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
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
    double cpus = 0;
    if (!reads_whole(text, cpus)) throw error(errc::invalid, "failed to parse {} as a rational number", text);
    return static_cast<std::int64_t>(cpus * 1e9);
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

std::vector<std::string> parse_exposed_ports(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string range = text.substr(0, slash);
    const std::string protocol = slash == std::string::npos ? "tcp" : in_lower_case(text.substr(slash + 1));
    const std::size_t dash = range.find('-');
    const auto read = [&](const std::string& digits) {
        std::uint16_t port = 0;
        if (!reads_whole(digits, port))
            throw error(
                errc::invalid,
                "invalid range format for --expose: {}, error: strconv.ParseUint: parsing \"{}\": invalid syntax",
                range, digits);
        return port;
    };
    const std::uint16_t first = read(range.substr(0, dash));
    const std::uint16_t last = dash == std::string::npos ? first : read(range.substr(dash + 1));
    if (last < first) throw error(errc::invalid, "invalid range format for --expose: {}, error: invalid range", range);
    std::vector<std::string> ports;
    for (unsigned port = first; port <= last; ++port) ports.push_back(fmt::format("{}/{}", port, protocol));
    return ports;
}

namespace {

struct port_range {
    std::uint16_t first = 0, last = 0;
};

/// Nothing when the text is no port or range of ports.
std::optional<port_range> read_range(const std::string& text) {
    port_range range;
    const std::size_t dash = text.find('-');
    if (!reads_whole(text.substr(0, dash), range.first)) return std::nullopt;
    if (dash == std::string::npos)
        range.last = range.first;
    else if (!reads_whole(text.substr(dash + 1), range.last) || range.last < range.first)
        return std::nullopt;
    return range;
}

} // namespace

std::vector<published_port> parse_published_ports(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string ports = text.substr(0, slash);
    const std::string protocol = slash == std::string::npos ? "tcp" : in_lower_case(text.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
        throw error(errc::invalid, "invalid proto: {}", protocol);
    const std::size_t last_colon = ports.rfind(':');
    const std::string inside = last_colon == std::string::npos ? ports : ports.substr(last_colon + 1);
    std::string address, outside;
    if (last_colon != std::string::npos) {
        const std::string before = ports.substr(0, last_colon);
        const std::size_t colon = before.rfind(':');
        outside = colon == std::string::npos ? before : before.substr(colon + 1);
        if (colon != std::string::npos) address = before.substr(0, colon);
        if (address.size() > 1 && address.front() == '[' && address.back() == ']')
            address = address.substr(1, address.size() - 2);
    }
    if (inside.empty()) throw error(errc::invalid, "no port specified: {}<empty>", text);
    const auto to = read_range(inside);
    if (!to) throw error(errc::invalid, "invalid containerPort: {}", inside);
    const auto from = outside.empty() ? std::optional{port_range{}} : read_range(outside);
    if (!from) throw error(errc::invalid, "invalid hostPort: {}", outside);
    const bool is_chosen_from = to->first == to->last && from->first != from->last;
    if (!outside.empty() && !is_chosen_from && to->last - to->first != from->last - from->first)
        throw error(errc::invalid, "invalid ranges specified for container and host Ports: {} and {}", inside, outside);
    std::vector<published_port> made;
    for (unsigned i = 0; i <= static_cast<unsigned>(to->last - to->first); ++i) {
        const std::string host_port = outside.empty() ? "" : is_chosen_from ? outside : std::to_string(from->first + i);
        made.push_back({address, host_port, fmt::format("{}/{}", to->first + i, protocol)});
    }
    return made;
}

namespace {

bool is_address(const std::string& text) {
    in6_addr address{};
    return ::inet_pton(AF_INET, text.c_str(), &address) == 1 || ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

} // namespace

std::string parse_address(const std::string& text) {
    if (!is_address(text)) throw error(errc::invalid, "IP address is not correctly formatted: {}", text);
    return text;
}

std::string parse_extra_host(const std::string& text) {
    const std::size_t mark = text.find_first_of("=:");
    if (mark == std::string::npos || mark == 0) throw error(errc::invalid, "bad format for add-host: \"{}\"", text);
    std::string address = text.substr(mark + 1);
    if (text[mark] == '=' && address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    if (address != "host-gateway" && !is_address(address))
        throw error(errc::invalid, "invalid IP address in add-host: \"{}\"", address);
    return fmt::format("{}:{}", text.substr(0, mark), address);
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
    if (text.find('/') == std::string::npos)
        throw error(
            errc::invalid,
            "error parsing specified platform: \"{}\": unknown operating system or architecture: invalid argument",
            text);
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
