#include "cli/output.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <unistd.h>

#include "cli/command.h"
#include "cli/option_values.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

/// Terminals also obey U+0080 to U+009F, which UTF-8 writes as c2 80 to c2 9f.
std::string without_controls(std::string_view text, std::string_view allowed) {
    std::string kept;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool is_high_control =
            byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_high_control)
            ++i;
        else if ((byte >= 0x20 && byte != 0x7f) || allowed.find(text[i]) != std::string_view::npos)
            kept += text[i];
    }
    return kept;
}

} // namespace

std::string printable(std::string_view text) {
    return without_controls(text, {});
}

std::string printable_lines(std::string_view text) {
    return without_controls(text, "\n\t");
}

std::string with_ellipsis(std::string text, std::size_t most) {
    std::size_t characters = 0, end = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) continue;
        if (++characters == most) end = at;
        if (characters > most) return text.substr(0, end) + "…";
    }
    return text;
}

std::string local_time(std::int64_t unix_seconds) {
    char text[64] = "";
    std::tm parts{};
    const std::time_t moment = unix_seconds;
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", ::localtime_r(&moment, &parts));
    return text;
}

void object_format::declare(flag_set& flags, char shorthand) {
    flags.text("format", shorthand, source_, "Format output using a custom template: 'json' or 'TEMPLATE'");
}

void object_format::prepare(std::string_view complaint) {
    if (source_.empty() || source_ == "json") return;
    try {
        shape_.emplace(source_);
    } catch (const error& e) {
        throw exit_error(64, "{}: {}", complaint, e.text());
    }
}

std::string object_format::shown(const value& object, const template_object& more) const {
    if (!shape_) return object.to_json() + "\n";
    try {
        return shape_->render(object, more) + "\n";
    } catch (const error& e) {
        throw exit_error(1, "template parsing error: {}", e.text());
    }
}

namespace {

/// Columns on a terminal: continuation bytes of UTF-8 take none.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::string> split_tabs(std::string_view line) {
    std::vector<std::string> cells;
    for (std::size_t begin = 0;;) {
        const std::size_t tab = line.find('\t', begin);
        cells.emplace_back(line.substr(begin, tab - begin));
        if (tab == std::string_view::npos) return cells;
        begin = tab + 1;
    }
}

/// As Go writes JSON where it may end in a page: these marks stand in texts only.
std::string escape_html(std::string_view json) {
    std::string escaped;
    for (const char c : json) {
        if (c == '<' || c == '>' || c == '&')
            escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            escaped += c;
    }
    return escaped;
}

/// A shell gives \t and \n as two characters.
std::string unescape(std::string text) {
    for (const auto& [written, meant] : {std::pair{"\\t", "\t"}, std::pair{"\\n", "\n"}})
        for (std::size_t at; (at = text.find(written)) != std::string::npos;) text.replace(at, 2, meant);
    return text;
}

} // namespace

std::string table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i == widths.size()) widths.push_back(10);
            widths[i] = std::max(widths[i], width_of(row[i]) + 3);
        }
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

listing::listing(std::string format, std::vector<column> columns, std::vector<column> further,
                 std::string_view complaint, std::string type_name)
    : format_{std::move(format)},
      is_table_{format_.empty() || format_.starts_with("table")},
      type_name_{std::move(type_name)},
      columns_{std::move(columns)},
      further_{std::move(further)} {
    if (is_table_ && !format_.empty()) format_.erase(0, 5);
    format_ = unescape(trimmed(format_));
    if (format_.empty() || (format_ == "json" && !is_table_)) return;
    try {
        shape_.emplace(format_);
    } catch (const error& e) {
        throw exit_error(1, "{}: {}", complaint, e.text());
    }
}

bool listing::shows(std::string_view field) const {
    if (!shape_) return false;
    if (format_.find("json .}}") != std::string::npos) return true; // the whole row
    const auto fields = shape_->heading_fields();
    return std::find(fields.begin(), fields.end(), field) != fields.end();
}

std::string listing::render(const entry& of) const {
    template_object labelled;
    labelled.type_name = type_name_;
    labelled.null_text = [](const std::string&) { return "<nil>"; };
    labelled.call = [&of](const std::string& name, const value& key) -> std::optional<value> {
        if (name != "Label") return std::nullopt;
        const auto at = of.labels.find(key.to_text());
        return at == of.labels.end() ? value{""} : value{at->second};
    };
    return shape_->render(of.shown, labelled);
}

void listing::try_on(const value& row, std::string_view complaint) const {
    if (!shape_) return;
    try {
        render({row, {}});
    } catch (const error& e) {
        throw exit_error(1, "{}: {}", complaint, e.text());
    }
}

std::string listing::heading_of(const std::string& field) const {
    for (const auto* list : {&columns_, &further_})
        for (const column& known : *list)
            if (known.field == field) return known.heading;
    std::string heading = field;
    for (char& c : heading) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return heading;
}

std::string listing::table_of(const std::vector<column>& columns) const {
    std::vector<std::string> heading;
    for (const column& shown : columns) heading.push_back(shown.heading);
    table made{std::move(heading)};
    for (const auto& [row, labels] : rows_) {
        std::vector<std::string> cells;
        for (const column& shown : columns) {
            const value* cell = row.find(shown.field);
            cells.push_back(cell ? printable(cell->to_text()) : std::string{});
        }
        made.add(std::move(cells));
    }
    return made.text();
}

std::string listing::text() const {
    if (!shape_ && is_table_) return table_of(columns_);
    if (!shape_) {
        std::string lines;
        for (const entry& row : rows_) lines += escape_html(row.shown.to_json()) + "\n";
        return lines;
    }
    for (const entry& row : rows_) try_on(row.shown, "template parsing error");
    if (!is_table_) {
        const bool is_json = format_ == "{{json .}}";
        std::string lines;
        for (const entry& row : rows_) lines += (is_json ? escape_html(render(row)) : render(row)) + "\n";
        return lines;
    }
    value heading;
    for (const auto* list : {&columns_, &further_})
        for (const column& known : *list) heading.set(known.field, known.heading);
    for (const std::string& field : shape_->heading_fields())
        if (!heading.find(field)) heading.set(field, heading_of(field));
    template_object key_as_heading;
    key_as_heading.is_heading = true;
    key_as_heading.call = [](const std::string&, const value& key) { return std::optional{key}; };
    table made{split_tabs(shape_->render(heading, key_as_heading))};
    for (const entry& row : rows_) made.add(split_tabs(render(row)));
    return made.text();
}

void print_error(std::string_view text) {
    const std::string line = printable_lines(text) + "\n";
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

void print(std::string_view text) {
    if (is_terminal(STDOUT_FILENO))
        print_commands(printable_lines(text));
    else
        print_commands(text);
}

void print_commands(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw exit_error(errno == EPIPE ? 128 + SIGPIPE : 1, "");
}

} // namespace davit::cli
