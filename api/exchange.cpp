#include "api/exchange.h"

#include <algorithm>
#include <charconv>

#include "api/engine_version.h"
#include "core/error.h"

namespace davit::api {

namespace {

bool is_json(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return io::equals_ignoring_case(type, "application/json");
}

} // namespace

bool parse_flag(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return !text.empty() && text != "0" && !io::equals_ignoring_case(text, "no") &&
           !io::equals_ignoring_case(text, "false") && !io::equals_ignoring_case(text, "none");
}

void add_engine_headers(io::http_headers& headers) {
    headers.add("Api-Version", to_string(newest_version));
    headers.add("Docker-Experimental", "false");
    headers.add("Ostype", "linux");
    headers.add("Server", fmt::format("Davit/{} (linux)", engine_version()));
}

const std::string& exchange::path(std::string_view name) const {
    for (const auto& [known, value] : parameters_)
        if (known == name) return value;
    throw error(errc::internal, "the route has no path parameter {}", name);
}

bool exchange::flag(std::string_view name, bool when_missing) const {
    const auto value = query_.find(name);
    return value ? parse_flag(*value) : when_missing;
}

std::optional<std::int64_t> exchange::number(std::string_view name) const {
    const auto value = query_.find(name);
    if (!value || value->empty()) return std::nullopt;
    std::int64_t parsed = 0;
    const char* end = value->data() + value->size();
    const auto [at, failed] = std::from_chars(value->data(), end, parsed);
    if (failed != std::errc{} || at != end)
        throw error(errc::invalid, "the parameter {} is a whole number, not \"{}\"", name, *value);
    return parsed;
}

io::http_response_head exchange::head(unsigned status, std::string_view content_type) const {
    io::http_response_head head;
    head.status = status;
    add_engine_headers(head.headers);
    if (!content_type.empty()) head.headers.add("Content-Type", content_type);
    return head;
}

task<void> exchange::respond(unsigned status) {
    return http_.respond(head(status));
}

task<void> exchange::respond_text(unsigned status, std::string_view content_type, std::string body) {
    return http_.respond(head(status, content_type), std::move(body));
}

task<std::string> exchange::read_json_text() {
    const auto content_type = header("Content-Type");
    if (http_.has_body() && !is_json(content_type))
        throw error(errc::invalid, "unsupported Content-Type header ({}): must be 'application/json'", content_type);
    std::string body = co_await http_.read_all(json_body_limit);
    if (body.empty()) throw error(errc::invalid, "invalid JSON: got EOF while reading request body");
    co_return body;
}

} // namespace davit::api
