#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/value.h"

namespace davit::cli::detail {

struct template_pipeline;

/// One operand: `.`, `.A.B`, `$x.A`, a literal, a function's name, or a pipeline in parentheses with fields after it.
struct template_operand {
    enum class kind : unsigned char { dot, variable, literal, function, pipeline } what = kind::dot;
    std::string name; ///< A variable's or a function's
    value literal;
    std::unique_ptr<template_pipeline> inner;
    std::vector<std::string> fields;
    std::string place; ///< "1:8", line and column, as Go counts them: of the second field where there are several
};

/// Operands beside each other: a function with its arguments, or one operand alone.
struct template_command {
    std::vector<template_operand> operands;
    std::string written; ///< As it stands in the source
};

/// Commands joined by |: each one's result is the last argument of the next.
struct template_pipeline {
    std::vector<std::string> variables; ///< $x := …, or $i, $e := … of a range
    bool is_assignment = false;         ///< = instead of :=
    std::vector<template_command> commands;
};

/// One piece of a template: text, an action, a block with its branches, a word of a range ({{break}}, {{continue}}), or
/// a template that is defined or used by its name.
struct template_node {
    enum class kind : unsigned char { text, action, condition, range, with, leave, next, definition, use };
    kind what = kind::text;
    std::string text; ///< Or the name
    template_pipeline pipeline;
    std::vector<std::unique_ptr<template_node>> body;
    std::vector<std::unique_ptr<template_node>> otherwise;
};

using template_body = std::vector<std::unique_ptr<template_node>>;

inline constexpr std::string_view template_blanks = " \t\r\n";

/// Throws invalid: the template is none. "why" is the reason alone.
[[noreturn]] void refuse_template(std::string_view why);

/// Definitions stand at the end. Errors: invalid.
template_body parse_template(std::string_view source);
/// `text` is a part of `source`. Errors: invalid.
template_pipeline parse_whole_pipeline(std::string_view source, std::string_view text);
/// What a text in quotes means. Errors: invalid.
std::string unquoted(std::string_view quoted);

/// Calls a function by name. Errors: invalid (wrong arguments); the text is the reason alone.
value call_template_function(const std::string& name, const std::vector<value>& arguments);
bool is_template_function(std::string_view name) noexcept;

/// What Go's fmt makes of a format and its arguments, with its complaints in the text.
std::string template_printf(const std::string& format, const std::vector<value>& arguments);
/// The name of Go's type, for what is complained of.
std::string_view template_type_of(const value& of);

} // namespace davit::cli::detail
