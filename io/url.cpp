#include "io/url.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "io/socket_address.h"

namespace davit::io {

namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_letter(char c) noexcept {
    return lower(c) >= 'a' && lower(c) <= 'z';
}
/// RFC 3986 §2.3.
constexpr bool is_unreserved(char c) noexcept {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string to_lower(std::string_view text) {
    std::string result;
    std::ranges::transform(text, std::back_inserter(result), lower);
    return result;
}

/// The effective port of a scheme; 0 of one that is not known.
std::uint16_t port_of(std::string_view scheme) noexcept {
    if (scheme == "http") return 80;
    return scheme == "https" ? 443 : 0;
}

/// A URL for an error's text: without what may be a secret, which is before an @, in the query or in the fragment.
std::string shown(std::string_view text) {
    text = text.substr(0, text.find_first_of("?#"));
    const std::size_t at = text.rfind('@');
    if (at == text.npos) return std::string{text};
    const std::size_t slashes = text.find("//");
    return fmt::format("{}…{}", text.substr(0, slashes < at ? slashes + 2 : 0), text.substr(at));
}

[[noreturn]] void refuse(std::string_view text, const char* why) {
    throw error(errc::invalid, "\"{}\" is no valid URL: {}", shown(text), why);
}

/// No blanks, no control characters, and percent codes that are whole.
void check_characters(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == 0x7f)
            refuse(text, "it has a blank or a control character");
        if (text[i] == '%' && (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0))
            refuse(text, "a percent sign begins no code");
    }
}

std::optional<std::string_view> scheme_of(std::string_view text) noexcept {
    const std::size_t colon = text.find(':');
    if (colon == text.npos || colon == 0 || !is_letter(text[0])) return std::nullopt;
    const auto scheme = text.substr(0, colon);
    const auto is_scheme_char = [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
    if (!std::ranges::all_of(scheme, is_scheme_char)) return std::nullopt;
    return scheme;
}

/// The parts after the authority.
void set_path_query_fragment(url& into, std::string_view rest) {
    if (const std::size_t hash = rest.find('#'); hash != rest.npos) {
        into.fragment = rest.substr(hash + 1);
        rest = rest.substr(0, hash);
    }
    if (const std::size_t mark = rest.find('?'); mark != rest.npos) {
        into.query = rest.substr(mark + 1);
        rest = rest.substr(0, mark);
    }
    into.path = rest.empty() ? "/" : rest;
}

void set_authority(url& into, std::string_view authority, std::string_view text) {
    if (const std::size_t at = authority.rfind('@'); at != authority.npos) {
        into.user_info = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t close = authority.find(']');
        if (close == authority.npos) refuse(text, "a bracket is not closed");
        into.host = to_lower(authority.substr(1, close - 1));
        if (into.host.find(':') == std::string::npos || !socket_address::is_literal(into.host))
            refuse(text, "there is no IPv6 address between the brackets");
        port = authority.substr(close + 1);
        if (!port.empty() && port[0] != ':') refuse(text, "something follows the bracket");
    } else {
        const std::size_t colon = authority.find(':');
        into.host = to_lower(authority.substr(0, colon));
        if (colon != authority.npos) port = authority.substr(colon);
        const auto is_host_char = [](char c) { return is_unreserved(c); };
        if (!std::ranges::all_of(into.host, is_host_char)) refuse(text, "the host has a character that no name has");
    }
    if (into.host.empty()) refuse(text, "it has no host");
    if (port.size() > 1) {
        port.remove_prefix(1);
        const auto read = std::from_chars(port.data(), port.data() + port.size(), into.port);
        if (read.ec != std::errc{} || read.ptr != port.data() + port.size() || into.port == 0)
            refuse(text, "the port is no number from 1 to 65535");
    }
}

/// RFC 3986 §5.2.4.
std::string without_dot_segments(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, slash); // begins with the slash
        path.remove_prefix(slash);
        if (segment == "/.") {
            if (path.empty()) result += '/';
        } else if (segment == "/..") {
            result.erase(std::min(result.rfind('/'), result.size()));
            if (path.empty()) result += '/';
        } else {
            result += segment;
        }
    }
    return result.empty() ? "/" : result;
}

} // namespace

url url::parse(std::string_view text) {
    check_characters(text);
    const auto scheme = scheme_of(text);
    if (!scheme || !text.substr(scheme->size()).starts_with("://"))
        refuse(text, "it does not begin with a scheme and ://");
    url result;
    result.scheme = to_lower(*scheme);
    const std::string_view rest = text.substr(scheme->size() + 3);
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    set_authority(result, rest.substr(0, end), text);
    set_path_query_fragment(result, rest.substr(end));
    return result;
}

url url::resolve(std::string_view reference) const {
    check_characters(reference);
    if (scheme_of(reference)) {
        url absolute = parse(reference);
        absolute.path = without_dot_segments(absolute.path);
        return absolute;
    }
    if (reference.starts_with("//")) return parse(scheme + ":" + std::string{reference});
    url result = *this;
    result.fragment.clear();
    if (reference.empty()) return result;
    if (reference.starts_with('#')) {
        result.fragment = reference.substr(1);
        return result;
    }
    url parts;
    set_path_query_fragment(parts, reference);
    result.query = parts.query;
    result.fragment = parts.fragment;
    if (reference.starts_with('?')) return result;
    if (!reference.starts_with('/')) parts.path = path.substr(0, path.rfind('/') + 1) + parts.path;
    result.path = without_dot_segments(parts.path);
    return result;
}

std::uint16_t url::effective_port() const noexcept {
    return port ? port : port_of(scheme);
}

std::string url::authority() const {
    std::string result = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != 0 && port != port_of(scheme)) result += ":" + std::to_string(port);
    return result;
}

std::string url::target() const {
    return query.empty() ? path : path + "?" + query;
}

std::string url::to_string() const {
    return scheme + "://" + authority() + target() + (fragment.empty() ? "" : "#" + fragment);
}

std::string percent_decode(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            throw error(errc::invalid, "\"{}\" has a percent sign that begins no code, or a NUL", text);
        result += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return result;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || keep.find(c) != keep.npos) {
            result += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        result += '%';
        result += digits[byte >> 4];
        result += digits[byte & 15];
    }
    return result;
}

url_query url_query::parse(std::string_view query) {
    url_query result;
    const auto decode = [](std::string_view part) {
        std::string spaced{part};
        std::ranges::replace(spaced, '+', ' ');
        return percent_decode(spaced);
    };
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view parameter = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (parameter.empty()) continue;
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
        result.parameters_.emplace_back(decode(parameter.substr(0, equals)), decode(value));
    }
    return result;
}

std::optional<std::string_view> url_query::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : parameters_)
        if (key == name) return value;
    return std::nullopt;
}

std::vector<std::string_view> url_query::all(std::string_view name) const {
    std::vector<std::string_view> result;
    for (const auto& [key, value] : parameters_)
        if (key == name) result.push_back(value);
    return result;
}

void url_query::add(std::string name, std::string value) {
    parameters_.emplace_back(std::move(name), std::move(value));
}

std::string url_query::to_string() const {
    std::string result;
    for (const auto& [name, value] : parameters_) {
        if (!result.empty()) result += '&';
        result += percent_encode(name) + "=" + percent_encode(value);
    }
    return result;
}

request_target split_target(std::string_view target) noexcept {
    const std::size_t mark = std::min(target.find('?'), target.size());
    return {target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))};
}

} // namespace davit::io
