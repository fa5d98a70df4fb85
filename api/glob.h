#pragma once

#include <string_view>

namespace davit::api {

/// Whether a whole text matches a shell pattern: * and ? (which match no slash), [a-z], [^a-z], \x for x itself. Takes
/// at most time proportional to the product of both lengths. A malformed pattern matches nothing.
bool matches_glob(std::string_view pattern, std::string_view text);

} // namespace davit::api
