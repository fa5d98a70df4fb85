#include "api/filters.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "io/json.h"

namespace davit::api {

namespace {

std::vector<std::string> read_values(io::json_value& from) {
    std::vector<std::string> values;
    if (from.kind() == io::json_kind::object)
        from.each_field([&](std::string_view value, io::json_value& is_set) {
            if (is_set.boolean()) values.emplace_back(value);
        });
    else if (!from.is_null())
        from.each_element([&](io::json_value& value) { values.emplace_back(value.string()); });
    return values;
}

} // namespace

filters filters::parse(std::string_view json) {
    filters read;
    if (json.empty()) return read;
    io::read_json(json, "invalid filters", &read.values_,
                  [](void* to, io::json_value& from) {
                      auto& values = *static_cast<decltype(values_)*>(to);
                      if (from.is_null()) return;
                      from.each_field([&](std::string_view name, io::json_value& value) {
                          values[std::string{name}] = read_values(value);
                      });
                  },
                  {});
    return read;
}

void filters::allow(std::initializer_list<std::string_view> names) const {
    for (const auto& [name, values] : values_) // one without values, too
        if (std::find(names.begin(), names.end(), name) == names.end())
            throw error(errc::invalid, "invalid filter '{}'", name);
}

const std::vector<std::string>& filters::values(std::string_view name) const {
    static const std::vector<std::string> none;
    const auto at = values_.find(name);
    return at == values_.end() ? none : at->second;
}

bool filters::matches_exactly(std::string_view name, std::string_view text) const {
    const auto& asked = values(name);
    return asked.empty() || std::find(asked.begin(), asked.end(), text) != asked.end();
}

bool filters::matches_beginning(std::string_view name, std::string_view text) const {
    const auto& asked = values(name);
    return asked.empty() ||
           std::any_of(asked.begin(), asked.end(), [&](const std::string& value) { return text.starts_with(value); });
}

bool filters::matches_labels(std::string_view name, const string_map& labels) const {
    const auto& asked = values(name);
    return std::all_of(asked.begin(), asked.end(), [&](const std::string& wanted) {
        const auto split = wanted.find('=');
        const auto at = labels.find(wanted.substr(0, split));
        return at != labels.end() && (split == std::string::npos || at->second == wanted.substr(split + 1));
    });
}

bool filters::flag(std::string_view name, bool when_missing) const {
    const auto& asked = values(name);
    if (asked.empty()) return when_missing;
    if (asked.size() == 1 && (asked[0] == "1" || asked[0] == "true")) return true;
    if (asked.size() == 1 && (asked[0] == "0" || asked[0] == "false")) return false;
    throw error(errc::invalid, "invalid filter '{}=[{}]'", name, fmt::join(asked, " "));
}

} // namespace davit::api
