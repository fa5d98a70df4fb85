#include "modules/registry_client/tag_pages.h"

#include <algorithm>

#include "core/error.h"
#include "core/fields.h"
#include "core/reference.h"
#include "io/json.h"

namespace davit {
namespace {

struct tag_page {
    std::optional<std::vector<std::string>> tags; // null where there are none
};

} // namespace

template <> struct fields_of<tag_page> {
    static constexpr auto list = field_list{field("tags", &tag_page::tags, when_empty::null)};
};

std::vector<std::string> parse_tag_page(std::string_view body) {
    auto page = io::parse<tag_page>(body, "the registry's list of tags");
    auto tags = std::move(page.tags).value_or(std::vector<std::string>{});
    if (!std::ranges::all_of(tags, is_tag))
        throw error(errc::invalid, "the registry's list of tags holds something that is no tag");
    return tags;
}

std::optional<std::string> next_page_query(std::string_view link) {
    while (true) {
        const auto begin = link.find('<');
        const auto end = link.find('>', begin == link.npos ? 0 : begin);
        if (begin == link.npos || end == link.npos) return std::nullopt;
        const auto target = link.substr(begin + 1, end - begin - 1);
        link.remove_prefix(end + 1);
        const auto parameters = link.substr(0, link.find('<'));
        if (parameters.find("rel=\"next\"") == parameters.npos && parameters.find("rel=next") == parameters.npos)
            continue;
        const auto query = target.find('?');
        // Without a query it would be the first page again.
        if (query == target.npos || query + 1 == target.size()) return std::nullopt;
        if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f && c != '#'; }))
            throw error(errc::invalid, "the registry's link to more tags is no address");
        return std::string{target.substr(query + 1)};
    }
}

} // namespace davit
