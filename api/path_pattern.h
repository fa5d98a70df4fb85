#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace davit::api {

/// The values of a matched pattern's parameters, by name.
using path_parameters = std::vector<std::pair<std::string_view, std::string>>;

/// A request's path, decoded and split once, before anything looks at it.
struct split_path {
    std::string version; ///< "1.41" of /v1.41/…; empty without one
    std::vector<std::string> segments;
};

/// Decodes %XX and splits at slashes. Nothing when the path is ambiguous: not beginning with a slash, a broken percent
/// code, an empty segment before the last, "." or "..".
std::optional<split_path> split_request_path(std::string_view encoded);

/// Matches segments with a pattern like "/images/{name...}/json": {x} is one segment, {x...} one or more (an image's
/// name has slashes; it is empty when the path ends in front of it). Nothing when they don't match.
std::optional<path_parameters> match_path(std::string_view pattern, const std::vector<std::string>& segments);

} // namespace davit::api
