#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/value.h"

namespace davit::cli {

namespace detail {
struct template_node;
}

/// What an object can do for a template beyond having members, as Go's structs do beside maps.
struct template_object {
    /// `.Name argument`: the result; nothing when there is no such method.
    std::function<std::optional<value>(const std::string& name, const value& argument)> call;
    /// A member that the object does not have by this name: its value, or nothing.
    std::function<std::optional<value>(const std::string& name)> find;
    /// What docker calls the type of the whole, where it complains of a member; empty for a map.
    std::string type_name;
    /// The functions that only change how a text looks give headings back as they are.
    bool is_heading = false;
    /// How a member that is null is printed.
    std::function<std::string(const std::string& name)> null_text;
};

/// A Go template (package text/template), as --format takes it, over JSON values. What people use of it is here: fields
/// (.A.B), variables, pipelines, parentheses, literals, if / else if / else, range, with, define, block, template,
/// comments and trimming, the functions and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, printf,
/// println, html, js, urlquery, and Docker's json, join, lower, upper, title, split, table-less truncate and pad.
class text_template {
  public:
    /// Errors: invalid, naming what is wrong, in Go's words ("template: :1: unclosed action").
    explicit text_template(std::string_view source);
    text_template(text_template&&) noexcept;
    ~text_template();

    /// Errors: invalid ("template: :1:2: executing "" at <.X>: map has no entry for key "X""), for a field that an
    /// object does not have.
    std::string render(const value& dot, const template_object& object = {}) const;

    /// The fields that stand alone in actions, in order ("Names" of {{.Names}}): what a table's heading is made of.
    std::vector<std::string> heading_fields() const;

  private:
    std::vector<std::unique_ptr<detail::template_node>> nodes_;
};

} // namespace davit::cli
