#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "cli/template.h"
#include "cli/value.h"

namespace davit::cli {

/// Text that came from elsewhere, made safe for a terminal: control characters (also those above ASCII) are left out.
std::string printable(std::string_view text);
/// The same for text of several lines: keeps line ends and tabs.
std::string printable_lines(std::string_view text);

/// At most `most` characters (of UTF-8), the last of which is an ellipsis where the text was longer.
std::string with_ellipsis(std::string text, std::size_t most);

/// "2026-11-24 16:25:36 +0100 CET", as lists show moments.
std::string local_time(std::int64_t unix_seconds);

/// What `--format` makes of one object: "json", or a template. A template is read when the flags are, so that what is
/// wrong in it is said before anything is asked of the engine.
class object_format {
  public:
    void declare(flag_set& flags, char shorthand);
    bool is_given() const noexcept { return !source_.empty(); }
    /// Errors: exit_error 64 for a template that can't be read, as docker's.
    void prepare(std::string_view complaint = "template parsing error");
    bool is_template() const noexcept { return shape_.has_value(); }
    /// One line. Errors: exit_error in docker's words.
    std::string shown(const value& object, const template_object& more = {}) const;

  private:
    std::string source_;
    std::optional<text_template> shape_;
};

/// Rows under a heading, each column as wide as its widest cell and three blanks, as Docker's tables.
class table {
  public:
    explicit table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

/// What a list command shows, by its --format: "" or "table" (the columns given), "table TEMPLATE", "json", or a
/// template for each row.
/// Texts are shown without control characters.
class listing {
  public:
    struct column {
        std::string field; ///< A key of the rows
        std::string heading;
    };

    /// Errors: exit_error for a template that can't be read; `complaint` stands before the reason.
    /// `type_name`: what docker calls the type of the rows where it complains of a field.
    listing(std::string format, std::vector<column> columns, std::vector<column> further = {},
            std::string_view complaint = "template parsing error", std::string type_name = {});

    /// Whether the template asks for a field, which may cost the engine something to find.
    bool shows(std::string_view field) const;
    /// Errors: exit_error when the template asks for a field that `row` does not have.
    void try_on(const value& row, std::string_view complaint) const;

    /// `row` is an object whose members are texts.
    void add(value row, std::map<std::string, std::string> labels = {}) {
        rows_.push_back({std::move(row), std::move(labels)});
    }
    std::string text() const;

  private:
    std::string table_of(const std::vector<column>& columns) const;
    std::string heading_of(const std::string& field) const;

    std::string format_; ///< Without "table" in front
    bool is_table_ = false;
    std::string type_name_;
    std::vector<column> columns_;
    std::vector<column> further_;
    std::optional<text_template> shape_;
    struct entry {
        value shown;
        std::map<std::string, std::string> labels; ///< What {{.Label "key"}} looks into
    };
    std::string render(const entry& of) const;

    std::vector<entry> rows_;
};

/// Says one thing on standard error, in one line or several, without control characters. Where nobody can be told, that
/// is no error.
void print_error(std::string_view text);

/// Prints to standard output, at once; to a terminal without control characters. Throws an exit_error without words
/// when nobody reads it any more, with the code of a program that a broken pipe has ended.
void print(std::string_view text);
/// The same for a text that may command the terminal; what came from elsewhere in it was made safe before.
void print_commands(std::string_view text);

} // namespace davit::cli
