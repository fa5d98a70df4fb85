#include "api/path_pattern.h"

#include <algorithm>

#include "core/error.h"
#include "io/url.h"

namespace davit::api {

namespace {

bool is_version_segment(std::string_view segment) {
    return segment.size() > 1 && segment.front() == 'v' &&
           std::all_of(segment.begin() + 1, segment.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

/// The next part of "/a/b/c", which is shortened by it.
std::string_view take_part(std::string_view& pattern) {
    pattern.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    return part;
}

bool is_parameter(std::string_view part) {
    return part.starts_with('{');
}

bool is_greedy(std::string_view part) {
    return part.ends_with("...}");
}

} // namespace

std::optional<split_path> split_request_path(std::string_view encoded) {
    if (!encoded.starts_with('/')) return std::nullopt;
    std::string decoded;
    try {
        decoded = io::percent_decode(encoded);
    } catch (const error&) {
        return std::nullopt;
    }
    split_path path;
    std::string_view rest = decoded;
    while (!rest.empty()) {
        const auto segment = take_part(rest);
        const bool is_last = rest.empty() && !path.segments.empty();
        if ((segment.empty() && !is_last) || segment == "." || segment == "..") return std::nullopt;
        path.segments.emplace_back(segment);
    }
    if (is_version_segment(path.segments.front())) {
        path.version = path.segments.front().substr(1);
        path.segments.erase(path.segments.begin());
    }
    return path;
}

std::optional<path_parameters> match_path(std::string_view pattern, const std::vector<std::string>& segments) {
    path_parameters found;
    std::size_t at = 0;
    while (!pattern.empty()) {
        const auto part = take_part(pattern);
        if (at == segments.size()) return std::nullopt;
        if (is_greedy(part)) {
            const auto tail = static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '/'));
            if (segments.size() < at + 1 + tail) return std::nullopt;
            std::string joined = segments[at++];
            while (segments.size() - at > tail) joined += "/" + segments[at++];
            found.emplace_back(part.substr(1, part.size() - 5), std::move(joined));
        } else if (is_parameter(part)) {
            if (segments[at].empty()) return std::nullopt;
            found.emplace_back(part.substr(1, part.size() - 2), segments[at++]);
        } else if (segments[at++] != part) {
            return std::nullopt;
        }
    }
    return at == segments.size() ? std::optional{std::move(found)} : std::nullopt;
}

} // namespace davit::api
