#include "modules/containers/log_attributes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"

namespace davit {

namespace {

constexpr std::array<std::string_view, 5> choosing_options = {"labels", "labels-regex", "env", "env-regex", "tag"};

bool chooses_attributes(std::string_view name) {
    return std::find(choosing_options.begin(), choosing_options.end(), name) != choosing_options.end();
}

std::string_view option(const string_map& options, const char* name) {
    const auto at = options.find(name);
    return at == options.end() ? std::string_view{} : std::string_view{at->second};
}

template <class Visit> void each_name(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (const auto name = list.substr(0, comma); !name.empty()) visit(std::string{name});
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
}

/// The text for one placeholder of a tag; nothing when there is no such placeholder.
std::optional<std::string> placeholder(std::string_view name, const container_record& of) {
    if (name == ".ID") return of.id.substr(0, 12);
    if (name == ".FullID") return of.id;
    if (name == ".Name") return of.name;
    if (name == ".ImageName") return of.config.image;
    if (name == ".ImageFullID") return of.image_id;
    if (name == ".DaemonName") return "davit";
    if (name == ".ImageID") {
        const auto colon = of.image_id.find(':');
        return of.image_id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
    }
    return std::nullopt;
}

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::string expand_tag(std::string_view pattern, const container_record& of) {
    std::string text;
    while (!pattern.empty()) {
        const auto open = pattern.find("{{");
        text += pattern.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = pattern.find("}}", open);
        const auto value = close == std::string_view::npos
                               ? std::nullopt
                               : placeholder(trim(pattern.substr(open + 2, close - open - 2)), of);
        if (!value)
            throw error(errc::invalid,
                        "the log option tag takes {{{{.ID}}}}, {{{{.FullID}}}}, {{{{.Name}}}}, {{{{.ImageID}}}}, "
                        "{{{{.ImageFullID}}}}, {{{{.ImageName}}}} and {{{{.DaemonName}}}}, not \"{}\"",
                        pattern.substr(open));
        text += *value;
        pattern.remove_prefix(close + 2);
    }
    return text;
}

} // namespace

string_map driver_options(const string_map& options) {
    string_map own;
    for (const auto& [name, value] : options)
        if (!chooses_attributes(name)) own.emplace(name, value);
    return own;
}

void check_attribute_options(const string_map& options) {
    for (const char* name : {"labels-regex", "env-regex"})
        if (!option(options, name).empty())
            throw error(errc::unsupported, "the log option {} is not supported yet; name what is wanted one by one",
                        name);
    expand_tag(option(options, "tag"), container_record{});
}

string_map chosen_log_attributes(const container_record& of, const string_map& options) {
    string_map attributes;
    each_name(option(options, "labels"), [&](const std::string& name) {
        if (!of.config.labels) return;
        if (const auto at = of.config.labels->find(name); at != of.config.labels->end()) attributes.insert(*at);
    });
    each_name(option(options, "env"), [&](const std::string& name) {
        if (!of.config.environment) return;
        for (const std::string& variable : *of.config.environment)
            if (variable.starts_with(name) && variable.size() > name.size() && variable[name.size()] == '=')
                attributes.insert_or_assign(name, variable.substr(name.size() + 1));
    });
    if (const auto tag = option(options, "tag"); !tag.empty()) attributes.insert_or_assign("tag", expand_tag(tag, of));
    return attributes;
}

} // namespace davit
