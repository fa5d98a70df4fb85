#include "io/http.h"

#include <algorithm>
#include <array>
#include <utility>

namespace davit::io {

namespace {

constexpr std::array<std::string_view, 9> method_names{"GET",    "HEAD",    "POST",    "PUT",  "PATCH",
                                                       "DELETE", "OPTIONS", "CONNECT", "TRACE"};

struct status_name {
    unsigned status;
    std::string_view reason;
};
/// RFC 9110 §15 and the IANA registry; sorted.
constexpr std::array status_names{
    status_name{100, "Continue"},
    status_name{101, "Switching Protocols"},
    status_name{200, "OK"},
    status_name{201, "Created"},
    status_name{202, "Accepted"},
    status_name{203, "Non-Authoritative Information"},
    status_name{204, "No Content"},
    status_name{205, "Reset Content"},
    status_name{206, "Partial Content"},
    status_name{300, "Multiple Choices"},
    status_name{301, "Moved Permanently"},
    status_name{302, "Found"},
    status_name{303, "See Other"},
    status_name{304, "Not Modified"},
    status_name{307, "Temporary Redirect"},
    status_name{308, "Permanent Redirect"},
    status_name{400, "Bad Request"},
    status_name{401, "Unauthorized"},
    status_name{403, "Forbidden"},
    status_name{404, "Not Found"},
    status_name{405, "Method Not Allowed"},
    status_name{406, "Not Acceptable"},
    status_name{408, "Request Timeout"},
    status_name{409, "Conflict"},
    status_name{410, "Gone"},
    status_name{411, "Length Required"},
    status_name{412, "Precondition Failed"},
    status_name{413, "Request Entity Too Large"},
    status_name{414, "Request URI Too Long"},
    status_name{415, "Unsupported Media Type"},
    status_name{416, "Requested Range Not Satisfiable"},
    status_name{417, "Expectation Failed"},
    status_name{422, "Unprocessable Entity"},
    status_name{426, "Upgrade Required"},
    status_name{429, "Too Many Requests"},
    status_name{431, "Request Header Fields Too Large"},
    status_name{500, "Internal Server Error"},
    status_name{501, "Not Implemented"},
    status_name{502, "Bad Gateway"},
    status_name{503, "Service Unavailable"},
    status_name{504, "Gateway Timeout"},
    status_name{505, "HTTP Version Not Supported"},
    status_name{507, "Insufficient Storage"},
};
static_assert(std::ranges::is_sorted(status_names, {}, &status_name::status));

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// RFC 9110 §5.6.2: what names and methods are made of.
constexpr bool is_token_char(char c) noexcept {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

constexpr std::string_view line_breakers{"\r\n\0", 3};

void check_header(const http_headers::field& field) {
    if (field.name.empty() || !std::ranges::all_of(field.name, is_token_char))
        throw error(errc::invalid, "\"{}\" is no header name", field.name);
    if (field.value.find_first_of(line_breakers) != field.value.npos)
        throw error(errc::invalid, "the value of header {} has a line break or a NUL", field.name);
}

void append_headers(std::string& to, const http_headers& headers) {
    for (const auto [name, value] : headers) {
        to += name;
        to += ": ";
        to += value;
        to += "\r\n";
    }
    to += "\r\n";
}

} // namespace

std::string_view to_string(http_method method) noexcept {
    return method_names[static_cast<std::size_t>(method)];
}

std::string_view reason_of(unsigned status) noexcept {
    const auto found = std::ranges::lower_bound(status_names, status, {}, &status_name::status);
    return found != status_names.end() && found->status == status ? found->reason : "Unknown";
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}

void http_headers::add(std::string_view name, std::string_view value) {
    const auto begin = static_cast<std::uint32_t>(text_.size());
    text_ += name;
    text_ += value;
    const auto name_size = static_cast<std::uint32_t>(name.size());
    entries_.push_back({begin, name_size, begin + name_size, static_cast<std::uint32_t>(value.size())});
}

void http_headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void http_headers::remove(std::string_view name) {
    std::erase_if(entries_, [&](const entry& e) {
        return equals_ignoring_case(std::string_view{text_}.substr(e.name_begin, e.name_size), name);
    });
}

void http_headers::clear() noexcept {
    text_.clear();
    entries_.clear();
}

http_headers::field http_headers::operator[](std::size_t index) const noexcept {
    const entry& e = entries_[index];
    const std::string_view text{text_};
    return {text.substr(e.name_begin, e.name_size), text.substr(e.value_begin, e.value_size)};
}

std::optional<std::string_view> http_headers::find(std::string_view name) const noexcept {
    for (const field f : *this)
        if (equals_ignoring_case(f.name, name)) return f.value;
    return std::nullopt;
}

std::size_t http_headers::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const field f : *this) found += equals_ignoring_case(f.name, name);
    return found;
}

bool http_headers::has_token(std::string_view name, std::string_view token) const noexcept {
    for (const field f : *this) {
        if (!equals_ignoring_case(f.name, name)) continue;
        for (std::string_view rest = f.value; !rest.empty();) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            std::string_view word = rest.substr(0, comma);
            rest.remove_prefix(std::min(comma + 1, rest.size()));
            while (!word.empty() && (word.front() == ' ' || word.front() == '\t')) word.remove_prefix(1);
            while (!word.empty() && (word.back() == ' ' || word.back() == '\t')) word.remove_suffix(1);
            if (equals_ignoring_case(word, token)) return true;
        }
    }
    return false;
}

void append_head(std::string& to, const http_request_head& head) {
    // Percent-encoding is the caller's: what would end the request line early must not get here.
    if (head.target.empty() || std::ranges::any_of(head.target, [](char c) { return c <= ' ' || c == 0x7f; }))
        throw error(errc::invalid, "the request target has a blank or a control character, or is empty");
    for (const auto field : head.headers) check_header(field);
    to += to_string(head.method);
    to += ' ';
    to += head.target;
    to += " HTTP/1.1\r\n";
    append_headers(to, head.headers);
}

void append_head(std::string& to, const http_response_head& head) {
    if (head.status < 100 || head.status > 999 || head.reason.find_first_of(line_breakers) != std::string::npos)
        throw error(errc::invalid, "a response can't have status {} with that reason", head.status);
    for (const auto field : head.headers) check_header(field);
    to += "HTTP/1.1 ";
    to += std::to_string(head.status);
    to += ' ';
    to += head.reason.empty() ? reason_of(head.status) : std::string_view{head.reason};
    to += "\r\n";
    append_headers(to, head.headers);
}

void append_trailers(std::string& to, const http_headers& trailers) {
    for (const auto field : trailers) check_header(field);
    append_headers(to, trailers);
}

} // namespace davit::io
