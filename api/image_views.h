#pragma once

#include <vector>

#include "api/api_version.h"
#include "api/engine.h"
#include "api/filters.h"
#include "api/types/image.h"

namespace davit::api {

image_summary summarize(const image_record& image, api_version version);
image_inspect inspect(const engine& from, const image_record& image, api_version version);

/// The images that a list's filters leave, newest first. With a `reference` filter, only the names that match it stay.
/// Errors: invalid (a filter or its value), not_found (of the filters before and since).
std::vector<image_record> select_images(const engine& from, const filters& only);

/// Whether a name matches a shell pattern, as the `reference` filter takes it (path.Match: * and ? don't match a slash,
/// [a-z], backslash): the repository alone, or with its tag.
bool matches_reference(std::string_view pattern, std::string_view familiar_name);

} // namespace davit::api
