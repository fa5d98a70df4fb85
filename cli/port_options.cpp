#include "cli/port_options.h"

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>

#include "cli/option_values.h"
#include "core/error.h"

namespace davit::cli {

namespace {

bool reads_whole(std::string_view text, std::uint16_t& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size();
}

} // namespace

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
    if (range.empty())
        throw error(errc::invalid, "invalid range format for --expose: , error: empty string specified for ports");
    const std::uint16_t first = read(range.substr(0, dash));
    const std::uint16_t last = dash == std::string::npos ? first : read(range.substr(dash + 1));
    if (last < first)
        throw error(errc::invalid,
                    "invalid range format for --expose: {0}, error: invalid range specified for port: {0}", range);
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

namespace {

/// "target=80,published=8080,protocol=udp" in the short form.
std::string in_short_form(const std::string& text) {
    std::map<std::string, std::string> parts{{"protocol", "tcp"}};
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = text.find(',', begin);
        const std::string part = text.substr(begin, end - begin);
        const auto [name, wanted] = split_pair(part);
        if (name.empty() || part.find('=') == std::string::npos)
            throw error(errc::invalid, "invalid publish opts format (should be name=value but got '{}')", part);
        parts.insert_or_assign(name, wanted);
    }
    return fmt::format("{}:{}/{}", parts["published"], parts["target"], parts["protocol"]);
}

} // namespace

std::vector<published_port> parse_published_ports(const std::string& text) {
    if (text.find('=') != std::string::npos) return parse_published_ports(in_short_form(text));
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
        if (!address.empty() && !is_address(address)) throw error(errc::invalid, "invalid IP address: {}", address);
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

} // namespace davit::cli
