#include "cli/flags.h"

#include <algorithm>
#include <charconv>

#include "cli/option_values.h"
#include "core/error.h"

namespace davit::cli {

namespace {

bool parse_boolean(const std::string& text) {
    if (const auto truth = parse_truth(text)) return *truth;
    throw error(errc::invalid, "strconv.ParseBool: parsing \"{}\": invalid syntax", text);
}

} // namespace

void flag_set::parsed(std::string_view name, char shorthand, std::string_view type, std::string_view help,
                      std::function<void(const std::string&)> set) {
    flags_.push_back({std::string{name}, shorthand, std::string{type}, std::string{help}, false, std::move(set)});
}

void flag_set::boolean(std::string_view name, char shorthand, bool& into, std::string_view help) {
    parsed(name, shorthand, "", help, [&into](const std::string& value) { into = parse_boolean(value); });
}

void flag_set::optional_boolean(std::string_view name, std::optional<bool>& into, std::string_view help) {
    parsed(name, 0, "", help, [&into](const std::string& value) { into = parse_boolean(value); });
}

void flag_set::text(std::string_view name, char shorthand, std::string& into, std::string_view help,
                    std::string_view type) {
    parsed(name, shorthand, type, help, [&into](const std::string& value) { into = value; });
}

void flag_set::list(std::string_view name, char shorthand, std::vector<std::string>& into, std::string_view help,
                    std::string_view type) {
    parsed(name, shorthand, type, help, [&into](const std::string& value) { into.push_back(value); });
}

void flag_set::number(std::string_view name, char shorthand, std::optional<std::int64_t>& into, std::string_view help,
                      std::string_view type) {
    const bool is_positive = type.starts_with("uint");
    const std::int64_t most = type == "uint16" ? UINT16_MAX : INT64_MAX;
    parsed(name, shorthand, type, help, [&into, is_positive, most](const std::string& value) {
        std::int64_t parsed = 0;
        const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), parsed);
        const bool is_too_large = failed == std::errc::result_out_of_range || parsed > most;
        if (failed != std::errc{} || end != value.data() + value.size() || is_too_large || (is_positive && parsed < 0))
            throw error(errc::invalid, "strconv.Parse{}: parsing \"{}\": {}", is_positive ? "Uint" : "Int", value,
                        is_too_large ? "value out of range" : "invalid syntax");
        into = parsed;
    });
}

void flag_set::alias(std::string_view name, std::string_view of) {
    flag other = *find(of);
    other.name = name;
    other.shorthand = 0;
    other.is_hidden = true;
    flags_.push_back(std::move(other));
}

void flag_set::hide(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) find(name)->is_hidden = true;
}

void flag_set::since(std::string_view name, std::string_view api_version) {
    find(name)->since = api_version;
}

std::map<std::string, std::string_view> flag_set::given_since() const {
    std::map<std::string, std::string_view> given;
    for (const flag& f : flags_)
        if (f.is_given && !f.since.empty()) given.emplace(f.name, f.since);
    return given;
}

flag_set::flag* flag_set::find(std::string_view name) noexcept {
    const auto at = std::find_if(flags_.begin(), flags_.end(), [&](const flag& f) { return f.name == name; });
    return at == flags_.end() ? nullptr : &*at;
}

flag_set::flag* flag_set::find_short(char shorthand) noexcept {
    const auto at = std::find_if(flags_.begin(), flags_.end(), [&](const flag& f) { return f.shorthand == shorthand; });
    return at == flags_.end() ? nullptr : &*at;
}

void flag_set::set(flag& of, const std::string& value, const std::string& as_written) {
    try {
        of.set(value);
        of.is_given = true;
    } catch (const error& e) {
        throw error(errc::invalid, "invalid argument \"{}\" for \"{}\" flag: {}", value, as_written, e.text());
    }
}

std::vector<std::string> flag_set::parse(const std::vector<std::string>& words, bool is_interspersed) {
    std::vector<std::string> rest;
    std::size_t at = 0;
    while (at < words.size()) {
        const std::string& word = words[at];
        if (word == "--") {
            ++at;
            break;
        }
        if (word.starts_with("--")) {
            at = parse_long(words, at);
        } else if (word.size() > 1 && word[0] == '-') {
            at = parse_short(words, at);
        } else {
            rest.push_back(word);
            ++at;
            if (!is_interspersed) break;
        }
    }
    rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return rest;
}

std::size_t flag_set::parse_long(const std::vector<std::string>& words, std::size_t at) {
    const std::string& word = words[at];
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (name.empty() || name[0] == '-') throw error(errc::invalid, "bad flag syntax: {}", word);
    flag* found = find(name);
    if (!found) throw error(errc::invalid, "unknown flag: --{}", name);
    const std::string shown = found->shorthand ? fmt::format("-{}, --{}", found->shorthand, name) : "--" + name;
    if (equals != std::string::npos) {
        set(*found, word.substr(equals + 1), shown);
        return at + 1;
    }
    if (found->type.empty()) {
        set(*found, "true", shown);
        return at + 1;
    }
    if (at + 1 == words.size()) throw error(errc::invalid, "flag needs an argument: --{}", name);
    set(*found, words[at + 1], shown);
    return at + 2;
}

std::size_t flag_set::parse_short(const std::vector<std::string>& words, std::size_t at) {
    const std::string& word = words[at];
    for (std::size_t i = 1; i < word.size(); ++i) {
        flag* found = find_short(word[i]);
        if (!found) throw error(errc::invalid, "unknown shorthand flag: '{}' in -{}", word[i], word.substr(i));
        const std::string shown = fmt::format("-{}, --{}", found->shorthand, found->name);
        const bool has_equals = i + 1 < word.size() && word[i + 1] == '=';
        if (found->type.empty()) {
            set(*found, has_equals ? word.substr(i + 2) : "true", shown);
            if (has_equals) return at + 1;
            continue;
        }
        if (i + 1 < word.size()) {
            set(*found, word.substr(i + (has_equals ? 2 : 1)), shown);
            return at + 1;
        }
        if (at + 1 == words.size())
            throw error(errc::invalid, "flag needs an argument: '{}' in -{}", found->shorthand, word.substr(i));
        set(*found, words[at + 1], shown);
        return at + 2;
    }
    return at + 1;
}

std::string flag_set::help(std::string_view heading) const {
    std::vector<const flag*> shown;
    for (const flag& f : flags_)
        if (!f.is_hidden) shown.push_back(&f);
    if (shown.empty()) return "";
    std::sort(shown.begin(), shown.end(), [](const flag* a, const flag* b) { return a->name < b->name; });
    std::size_t width = 0;
    for (const flag* f : shown) width = std::max(width, f->name.size() + (f->type.empty() ? 0 : f->type.size() + 1));
    std::string text = fmt::format("\n{}:\n", heading);
    for (const flag* f : shown) {
        const std::string name = f->type.empty() ? f->name : f->name + " " + f->type;
        const std::string shorthand = f->shorthand ? fmt::format("-{},", f->shorthand) : "   ";
        text += fmt::format("  {} --{:<{}}   {}\n", shorthand, name, width, f->help);
    }
    return text;
}

} // namespace davit::cli
