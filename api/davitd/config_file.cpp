#include <fmt/ranges.h>

#include "api/davitd/options.h"
#include "core/error.h"
#include "io/json.h"

namespace davit::api {

namespace {

/// A value of the file as the texts that a command line would have given.
std::vector<std::string> read_values(io::json_value& from) {
    std::vector<std::string> values;
    switch (from.kind()) {
    case io::json_kind::array:
        from.each_element([&](io::json_value& element) { values.emplace_back(element.string()); });
        break;
    case io::json_kind::object:
        from.each_field([&](std::string_view name, io::json_value& value) {
            values.push_back(fmt::format("{}={}", name, value.string()));
        });
        break;
    case io::json_kind::string:
        values.emplace_back(from.string());
        break;
    default: // a truth or a number as it stands
        values.emplace_back(from.raw());
    }
    return values;
}

struct file_entry {
    std::string name; ///< As the file has it
    std::vector<std::string> values;
};

std::vector<file_entry> read_entries(std::string_view text, std::string_view path) {
    std::vector<file_entry> entries;
    const auto what = std::string{path};
    io::read_json(text, what, &entries,
                  [](void* to, io::json_value& from) {
                      from.each_field([&](std::string_view name, io::json_value& value) {
                          static_cast<std::vector<file_entry>*>(to)->push_back({std::string{name}, read_values(value)});
                      });
                  },
                  {});
    return entries;
}

} // namespace

void read_config_file(settings& into, std::string_view text, std::string_view path) {
    std::vector<std::string> unknown;
    std::vector<std::string> set_twice;
    for (auto& [name, values] : read_entries(text, path)) {
        const setting_key* found = nullptr;
        const auto keys = into.keys();
        for (const auto& key : keys)
            if (name == (key.is_list ? plural_of(key.name) : std::string{key.name})) found = &key;
        if (!found || found->name == "config-file") {
            unknown.push_back(name);
        } else if (into.was_set(found->name)) {
            const auto flags = into.list(found->name);
            set_twice.push_back(
                fmt::format("{}: (from flag: {}, from file: {})", name, fmt::join(flags, ","), fmt::join(values, ",")));
        } else {
            for (auto& value : values) into.set(found->name, std::move(value));
            if (found->is_flag) into.flag(found->name);
        }
    }
    if (!unknown.empty())
        throw error(errc::invalid,
                    "unable to configure the engine with file {}: the following directives don't match "
                    "any configuration option: {}",
                    path, fmt::join(unknown, ", "));
    if (!set_twice.empty())
        throw error(errc::invalid,
                    "unable to configure the engine with file {}: the following directives are "
                    "specified both as a flag and in the configuration file: {}",
                    path, fmt::join(set_twice, ", "));
}

} // namespace davit::api
