#include "core/settings.h"

#include <charconv>

#include "core/error.h"

namespace davit {

void settings::declare(const setting_key& key) {
    const auto [at, is_new] = entries_.try_emplace(std::string{key.name}, entry{key, {}, false});
    if (!is_new) {
        if (at->second.key.default_value != key.default_value)
            throw error(errc::internal, "the configuration key {} is declared with two defaults: \"{}\" and \"{}\"",
                        key.name, at->second.key.default_value, key.default_value);
        return;
    }
    if (!key.default_value.empty() || !key.is_list) at->second.values = {std::string{key.default_value}};
}

void settings::set(std::string_view name, std::string value) {
    const auto at = entries_.find(name);
    if (at == entries_.end())
        throw error(errc::invalid, "unknown configuration key \"{}\"; `davitd --help` lists them", name);
    entry& found = at->second;
    if (!found.was_set || !found.key.is_list) found.values.clear();
    found.values.push_back(std::move(value));
    found.was_set = true;
}

bool settings::was_set(std::string_view name) const {
    return find(name).was_set;
}

const settings::entry& settings::find(std::string_view name) const {
    const auto at = entries_.find(name);
    if (at == entries_.end()) throw error(errc::internal, "no module declares the configuration key {}", name);
    return at->second;
}

const std::string& settings::text(std::string_view name) const {
    static const std::string none;
    const entry& found = find(name);
    return found.values.empty() ? none : found.values.back();
}

const std::vector<std::string>& settings::list(std::string_view name) const {
    return find(name).values;
}

bool settings::flag(std::string_view name) const {
    const std::string& value = text(name);
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0" || value.empty()) return false;
    throw error(errc::invalid, "{} is true or false, not \"{}\"", name, value);
}

std::int64_t settings::number(std::string_view name) const {
    const std::string& value = text(name);
    std::int64_t parsed = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (failed != std::errc{} || end != value.data() + value.size())
        throw error(errc::invalid, "{} is a whole number, not \"{}\"", name, value);
    return parsed;
}

std::vector<setting_key> settings::keys() const {
    std::vector<setting_key> all;
    for (const auto& [name, found] : entries_) all.push_back(found.key);
    return all;
}

} // namespace davit
