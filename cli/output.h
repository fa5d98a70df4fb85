#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/template.h"
#include "cli/value.h"

namespace davit::cli {

/// Text that came from elsewhere, made safe for a terminal's table: control characters are left out.
std::string printable(std::string_view text);

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
class listing {
  public:
    struct column {
        std::string field; ///< A key of the rows
        std::string heading;
    };

    listing(std::string format, std::vector<column> columns, std::vector<column> further = {});

    /// `row` is an object whose members are texts.
    void add(value row) { rows_.push_back(std::move(row)); }
    std::string text() const;

  private:
    std::string table_of(const std::vector<column>& columns) const;
    std::string heading_of(const std::string& field) const;

    std::string format_;
    std::vector<column> columns_;
    std::vector<column> further_;
    std::vector<value> rows_;
};

/// Prints to standard output, at once. Throws an exit_error without words when nobody reads it any more.
void print(std::string_view text);

} // namespace davit::cli
