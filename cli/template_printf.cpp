#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "cli/template_nodes.h"

namespace davit::cli::detail {

namespace {

/// How one value is to look: %[flags][width][.precision]verb.
struct directive {
    bool is_left = false, has_zeros = false, has_sign = false;
    std::size_t width = 0;
    int precision = -1;
    char verb = 'v';
};

directive read_directive(std::string_view text) {
    directive made;
    made.verb = text.back();
    text = text.substr(1, text.size() - 2);
    for (; !text.empty() && std::string_view{"-+# 0"}.find(text[0]) != std::string_view::npos; text.remove_prefix(1)) {
        made.is_left = made.is_left || text[0] == '-';
        made.has_zeros = made.has_zeros || text[0] == '0';
        made.has_sign = made.has_sign || text[0] == '+';
    }
    const char* const end = text.data() + text.size();
    const char* const point = std::from_chars(text.data(), end, made.width).ptr;
    if (point != end && *point == '.' && std::from_chars(point + 1, end, made.precision).ptr == point + 1)
        made.precision = 0;
    return made;
}

std::string in_hexadecimal(std::string_view bytes, bool is_upper) {
    std::string out;
    for (const char c : bytes) {
        const unsigned byte = static_cast<unsigned char>(c);
        out += is_upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    return out;
}

/// Nothing when the verb is not for a value of that kind.
std::optional<std::string> unpadded(const directive& of, const value& argument) {
    const std::string text = argument.to_text();
    const auto* whole = argument.as_integer();
    const auto* plain = argument.as_string();
    const bool is_plain_kind = whole || argument.as_number() || argument.as_bool();
    const int digits = std::min(of.precision < 0 ? 6 : of.precision, 64);
    switch (of.verb) {
    case 'v':
        return text;
    case 's':
        if (is_plain_kind) return std::nullopt;
        return plain && of.precision >= 0 ? text.substr(0, static_cast<std::size_t>(of.precision)) : text;
    case 'q':
        return is_plain_kind ? std::nullopt : std::optional{value{text}.to_json()};
    case 'T':
        return std::string{template_type_of(argument)};
    case 't':
        return argument.as_bool() ? std::optional{text} : std::nullopt;
    case 'x':
    case 'X':
        if (plain) return in_hexadecimal(text, of.verb == 'X');
        if (!whole) return std::nullopt;
        return of.verb == 'X' ? fmt::format("{:X}", *whole) : fmt::format("{:x}", *whole);
    case 'o':
        return whole ? std::optional{fmt::format("{:o}", *whole)} : std::nullopt;
    case 'b':
        return whole ? std::optional{fmt::format("{:b}", *whole)} : std::nullopt;
    case 'd':
        return whole ? std::optional{text} : std::nullopt;
    case 'f':
    case 'e':
    case 'g': {
        if (!argument.as_number()) return std::nullopt;
        double number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        if (of.verb == 'g') return of.precision < 0 ? text : fmt::format("{:.{}g}", number, digits);
        return of.verb == 'f' ? fmt::format("{:.{}f}", number, digits) : fmt::format("{:.{}e}", number, digits);
    }
    default:
        return std::nullopt;
    }
}

std::string format_one(std::string_view text, const value& argument) {
    const directive of = read_directive(text);
    auto shown = unpadded(of, argument);
    if (!shown) return fmt::format("%!{}({}={})", of.verb, template_type_of(argument), argument.to_text());
    const bool is_number = argument.as_integer() || argument.as_number();
    if (of.has_sign && is_number && !shown->starts_with('-')) shown->insert(0, "+");
    if (shown->size() >= of.width) return *shown;
    const std::string fill(of.width - shown->size(), of.has_zeros && !of.is_left ? '0' : ' ');
    return of.is_left ? *shown + fill : fill + *shown;
}

} // namespace

std::string template_printf(const std::string& format, const std::vector<value>& arguments) {
    std::string out;
    std::size_t next = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%') {
            out += format[i];
            continue;
        }
        const std::size_t verb = format.find_first_not_of("-+# 0123456789.", i + 1);
        if (verb == std::string::npos) return out + "%!(NOVERB)";
        if (format[verb] == '%')
            out += '%';
        else if (next < arguments.size())
            out += format_one(std::string_view{format}.substr(i, verb - i + 1), arguments[next++]);
        else
            out += fmt::format("%!{}(MISSING)", format[verb]);
        i = verb;
    }
    if (next == arguments.size()) return out;
    std::string extra;
    for (; next < arguments.size(); ++next)
        extra += fmt::format("{}{}={}", extra.empty() ? "" : ", ", template_type_of(arguments[next]),
                             arguments[next].to_text());
    return fmt::format("{}%!(EXTRA {})", out, extra);
}

} // namespace davit::cli::detail
