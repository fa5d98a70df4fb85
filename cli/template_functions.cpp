#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "cli/template_nodes.h"
#include "core/error.h"

namespace davit::cli::detail {

namespace {

using arguments = std::vector<value>;

void expect(const arguments& given, std::size_t least, std::size_t most, std::string_view name) {
    if (given.size() < least || given.size() > most)
        throw error(errc::invalid, "wrong number of args for {}: want {} got {}", name, least, given.size());
}

std::string text(const value& of) {
    return of.to_text();
}

std::int64_t whole(const value& of, std::string_view name) {
    if (const auto* number = of.as_integer()) return *number;
    throw error(errc::invalid, "error calling {0}: {0} wants a whole number, not {1}", name, of.to_text());
}

double real(const value& of) {
    const std::string digits = of.to_text();
    double number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

value json(const arguments& a) {
    expect(a, 1, 1, "json");
    return a[0].to_json();
}

value join(const arguments& a) {
    expect(a, 2, 2, "join");
    std::string joined;
    if (const auto* parts = a[0].as_list())
        for (std::size_t i = 0; i < parts->size(); ++i) joined += (i ? text(a[1]) : "") + text((*parts)[i]);
    return joined;
}

value split(const arguments& a) {
    expect(a, 2, 2, "split");
    const std::string whole_text = text(a[0]);
    const std::string separator = text(a[1]);
    value::list parts;
    std::size_t begin = 0;
    if (separator.empty()) { // into characters
        for (std::size_t end = 1; begin < whole_text.size(); begin = end++) {
            while (end < whole_text.size() && (static_cast<unsigned char>(whole_text[end]) & 0xc0) == 0x80) ++end;
            parts.emplace_back(whole_text.substr(begin, end - begin));
        }
        return parts;
    }
    for (std::size_t at; !separator.empty() && (at = whole_text.find(separator, begin)) != std::string::npos;
         begin = at + separator.size())
        parts.emplace_back(whole_text.substr(begin, at - begin));
    parts.emplace_back(whole_text.substr(begin));
    return parts;
}

value change_case(const arguments& a, std::string_view name, int (*change)(int)) {
    expect(a, 1, 1, name);
    std::string changed = text(a[0]);
    for (char& c : changed) c = static_cast<char>(change(static_cast<unsigned char>(c)));
    return changed;
}
value lower(const arguments& a) {
    return change_case(a, "lower", std::tolower);
}
value upper(const arguments& a) {
    return change_case(a, "upper", std::toupper);
}

value title(const arguments& a) {
    expect(a, 1, 1, "title");
    std::string changed = text(a[0]);
    bool begins = true;
    for (char& c : changed) {
        if (begins) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        begins = c == ' ';
    }
    return changed;
}

value pad(const arguments& a) {
    expect(a, 3, 3, "pad");
    if (text(a[0]).empty()) return "";
    return std::string(static_cast<std::size_t>(whole(a[1], "pad")), ' ') + text(a[0]) +
           std::string(static_cast<std::size_t>(whole(a[2], "pad")), ' ');
}

value truncate(const arguments& a) {
    expect(a, 2, 2, "truncate");
    return text(a[0]).substr(0, static_cast<std::size_t>(whole(a[1], "truncate")));
}

value length(const arguments& a) {
    expect(a, 1, 1, "len");
    if (const auto* list = a[0].as_list()) return static_cast<std::int64_t>(list->size());
    if (const auto* object = a[0].as_object()) return static_cast<std::int64_t>(object->size());
    if (const auto* plain = a[0].as_string()) return static_cast<std::int64_t>(plain->size());
    if (a[0].is_null()) throw error(errc::invalid, "error calling len: len of nil pointer");
    throw error(errc::invalid, "error calling len: len of type {}", template_type_of(a[0]));
}

/// Whether what a map does not have is the empty text, as in Go's map[string]string.
bool holds_texts(const value& of) {
    const auto* members = of.as_object();
    return members && std::all_of(members->begin(), members->end(), [](const auto& m) { return m.second.as_string(); });
}

value slice(const arguments& a) {
    expect(a, 1, 4, "slice");
    const auto* list = a[0].as_list();
    const auto* plain = a[0].as_string();
    if (!list && !plain) throw error(errc::invalid, "error calling slice: can't slice item");
    const auto size = static_cast<std::int64_t>(list ? list->size() : plain->size());
    const std::int64_t begin = a.size() > 1 ? whole(a[1], "slice") : 0;
    const std::int64_t end = a.size() > 2 ? whole(a[2], "slice") : size;
    for (const std::int64_t bound : {begin, end})
        if (bound < 0 || bound > size) throw error(errc::invalid, "error calling slice: index out of range: {}", bound);
    if (begin > end) throw error(errc::invalid, "error calling slice: invalid slice index: {} > {}", begin, end);
    if (list) return value::list(list->begin() + begin, list->begin() + end);
    return plain->substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

/// What print makes of all arguments, with some characters written in another way.
template <class Escape> value escape_each(const arguments& a, Escape escape) {
    std::string out;
    for (const value& argument : a)
        for (const char c : text(argument)) out += escape(c);
    return out;
}

value html(const arguments& a) {
    return escape_each(a, [](char c) -> std::string {
        return c == '<'    ? "&lt;"
               : c == '>'  ? "&gt;"
               : c == '&'  ? "&amp;"
               : c == '"'  ? "&#34;"
               : c == '\'' ? "&#39;"
                           : std::string{c};
    });
}

value js(const arguments& a) {
    return escape_each(a, [](char c) -> std::string {
        if (c == '\\' || c == '\'' || c == '"') return {'\\', c};
        const bool is_plain = static_cast<unsigned char>(c) >= 0x20 && c != '<' && c != '>' && c != '&' && c != '=';
        return is_plain ? std::string{c}
                        : fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    });
}

value urlquery(const arguments& a) {
    return escape_each(a, [](char c) -> std::string {
        const bool is_plain =
            std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~';
        return is_plain   ? std::string{c}
               : c == ' ' ? "+"
                          : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    });
}

value index(const arguments& a) {
    expect(a, 1, 16, "index");
    value at = a[0];
    for (std::size_t i = 1; i < a.size(); ++i) {
        if (const auto* list = at.as_list()) {
            const std::int64_t position = whole(a[i], "index");
            if (position < 0 || position >= static_cast<std::int64_t>(list->size()))
                throw error(errc::invalid, "error calling index: index out of range: {}", position);
            at = value{(*list)[static_cast<std::size_t>(position)]};
        } else if (const auto* plain = at.as_string()) {
            const std::int64_t position = whole(a[i], "index");
            if (position < 0 || position >= static_cast<std::int64_t>(plain->size()))
                throw error(errc::invalid, "error calling index: index out of range: {}", position);
            at = value{
                static_cast<std::int64_t>(static_cast<unsigned char>((*plain)[static_cast<std::size_t>(position)]))};
        } else {
            const value* member = at.find(text(a[i]));
            at = member ? value{*member} : holds_texts(at) ? value{""} : value{};
        }
    }
    return at;
}

/// Go puts a blank between two operands of print when neither is a text; println always does.
value print(const arguments& a) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i)
        out += (i && !a[i].as_string() && !a[i - 1].as_string() ? " " : "") + text(a[i]);
    return out;
}
value println(const arguments& a) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) out += (i ? " " : "") + text(a[i]);
    return out + "\n";
}

value printf(const arguments& a) {
    expect(a, 1, 64, "printf");
    return template_printf(text(a[0]), {a.begin() + 1, a.end()});
}

value negate(const arguments& a) {
    expect(a, 1, 1, "not");
    return !a[0].is_true();
}
/// A text beside a number or a truth: Go refuses to compare them, and who asks has mistaken a field for another.
void expect_comparable(const value& a, const value& b, std::string_view name) {
    const auto kind = [](const value& of) {
        return of.as_string() ? 's' : of.as_integer() || of.as_number() ? 'n' : of.as_bool() ? 'b' : '?';
    };
    if (kind(a) != '?' && kind(b) != '?' && kind(a) != kind(b))
        throw error(errc::invalid, "error calling {}: incompatible types for comparison", name);
}

/// Negative, 0 or positive. Errors: invalid for values of different kinds.
int compare(const value& a, const value& b, std::string_view name) {
    if (a.as_integer() && b.as_integer())
        return *a.as_integer() < *b.as_integer() ? -1 : *a.as_integer() > *b.as_integer();
    if (a.as_string() && b.as_string()) return a.as_string()->compare(*b.as_string());
    if (a.as_number() && b.as_number()) {
        const double difference = real(a) - real(b);
        return difference < 0 ? -1 : difference > 0;
    }
    if (a == b) return 0;
    throw error(errc::invalid, "error calling {}: incompatible types for comparison", name);
}

value equal(const arguments& a) {
    expect(a, 2, 64, "eq");
    for (std::size_t i = 1; i < a.size(); ++i) expect_comparable(a[0], a[i], "eq");
    return std::any_of(a.begin() + 1, a.end(), [&](const value& other) { return a[0] == other; });
}
value not_equal(const arguments& a) {
    expect(a, 2, 2, "ne");
    expect_comparable(a[0], a[1], "ne");
    return !(a[0] == a[1]);
}
value less(const arguments& a) {
    expect(a, 2, 2, "lt");
    return compare(a[0], a[1], "lt") < 0;
}
value less_or_equal(const arguments& a) {
    expect(a, 2, 2, "le");
    return compare(a[0], a[1], "le") <= 0;
}
value greater(const arguments& a) {
    expect(a, 2, 2, "gt");
    return compare(a[0], a[1], "gt") > 0;
}
value greater_or_equal(const arguments& a) {
    expect(a, 2, 2, "ge");
    return compare(a[0], a[1], "ge") >= 0;
}

struct entry {
    std::string_view name;
    value (*call)(const arguments&);
};

constexpr std::array functions = {
    entry{"json", json},     entry{"join", join},        entry{"split", split}, entry{"lower", lower},
    entry{"upper", upper},   entry{"title", title},      entry{"pad", pad},     entry{"truncate", truncate},
    entry{"len", length},    entry{"index", index},      entry{"print", print}, entry{"println", println},
    entry{"printf", printf}, entry{"not", negate},       entry{"eq", equal},    entry{"ne", not_equal},
    entry{"lt", less},       entry{"le", less_or_equal}, entry{"gt", greater},  entry{"ge", greater_or_equal},
    entry{"slice", slice},   entry{"html", html},        entry{"js", js},       entry{"urlquery", urlquery},
};

} // namespace

std::string_view template_type_of(const value& of) {
    return of.as_string()    ? "string"
           : of.as_integer() ? "int"
           : of.as_number()  ? "float64"
           : of.as_bool()    ? "bool"
                             : "interface {}";
}

bool is_template_function(std::string_view name) noexcept {
    // The values of these two are made one by one: see evaluation.
    return name == "and" || name == "or" ||
           std::any_of(functions.begin(), functions.end(), [&](const entry& e) { return e.name == name; });
}

value call_template_function(const std::string& name, const std::vector<value>& given) {
    return std::find_if(functions.begin(), functions.end(), [&](const entry& e) { return e.name == name; })
        ->call(given);
}

} // namespace davit::cli::detail
