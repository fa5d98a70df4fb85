#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit {

/// The tags of one page of a repository's list (OCI distribution-spec, Listing Tags). Errors: invalid, also for
/// what can't be a tag.
std::vector<std::string> parse_tag_page(std::string_view body);

/// The query of the page that a Link field (RFC 8288) calls "next"; nothing when there is no next page. Only the query
/// is taken: the list stays at the address that was asked first, wherever the link points.
std::optional<std::string> next_page_query(std::string_view link);

} // namespace davit
