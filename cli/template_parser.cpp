#include <algorithm>

#include "cli/template_nodes.h"
#include "core/error.h"

namespace davit::cli::detail {

namespace {

class parser {
  public:
    explicit parser(std::string_view source) : source_{source} {}

    template_body parse() {
        template_body top = parse_body();
        if (!ended_by_.empty()) refuse_template(fmt::format("unexpected {{{{{}}}}}", ended_by_));
        for (auto& definition : definitions_) top.push_back(std::move(definition));
        return top;
    }

  private:
    /// Up to the action that ends the body ("end", "else", "else if …"), which `ended_by_` then holds.
    template_body parse_body() {
        template_body body;
        ended_by_ = {};
        while (at_ < source_.size()) {
            const std::size_t open = source_.find("{{", at_);
            add_text(body, source_.substr(at_, open - at_),
                     open != std::string_view::npos && source_.substr(open).starts_with("{{- "));
            if (open == std::string_view::npos) {
                at_ = source_.size();
                return body;
            }
            const std::string_view action = take_action(open);
            if (action.starts_with("/*")) continue;
            const std::string_view word = action.substr(0, action.find_first_of(template_blanks));
            if (word == "end" || word == "else") {
                ended_by_ = action;
                return body;
            }
            if (word == "define")
                parse_definition(action, word);
            else
                body.push_back(word == "template" || word == "block" ? parse_use(action, word)
                                                                     : parse_action(word, action));
        }
        return body;
    }

    void add_text(template_body& body, std::string_view text, bool trims_end) {
        if (trims_begin_) text.remove_prefix(std::min(text.find_first_not_of(template_blanks), text.size()));
        if (trims_end) text = text.substr(0, text.find_last_not_of(template_blanks) + 1);
        if (text.empty()) return;
        auto node = std::make_unique<template_node>();
        node->text = text;
        body.push_back(std::move(node));
    }

    std::string_view take_action(std::size_t open) {
        std::size_t close = open + 2;
        for (char quote = 0; close < source_.size(); ++close) {
            const char c = source_[close];
            if (quote) {
                if (c == '\\' && quote == '"')
                    ++close;
                else if (c == quote)
                    quote = 0;
            } else if (c == '"' || c == '`') {
                quote = c;
            } else if (source_.substr(close).starts_with("}}")) {
                break;
            }
        }
        if (close >= source_.size()) refuse_template("unclosed action");
        std::string_view action = source_.substr(open + 2, close - open - 2);
        at_ = close + 2;
        if (action.starts_with("- ")) action.remove_prefix(1);
        trims_begin_ = action.ends_with(" -");
        if (trims_begin_) action.remove_suffix(1);
        action.remove_prefix(std::min(action.find_first_not_of(template_blanks), action.size()));
        return action.substr(0, action.find_last_not_of(template_blanks) + 1);
    }

    std::unique_ptr<template_node> parse_action(std::string_view word, std::string_view action) {
        using kind = template_node::kind;
        auto node = std::make_unique<template_node>();
        if (action == "break" || action == "continue") {
            if (ranges_ == 0) refuse_template(fmt::format("{{{{{}}}}} outside {{{{range}}}}", action));
            node->what = action == "break" ? kind::leave : kind::next;
            return node;
        }
        node->what = word == "if"      ? kind::condition
                     : word == "range" ? kind::range
                     : word == "with"  ? kind::with
                                       : kind::action;
        if (node->what != kind::action) action.remove_prefix(word.size());
        if (action.find_first_not_of(template_blanks) == std::string_view::npos)
            refuse_template(fmt::format("missing value for {}", node->what == kind::action ? "command" : word));
        node->pipeline = parse_whole_pipeline(source_, action);
        if (node->what == kind::range) ++ranges_;
        if (node->what != kind::action) parse_branches(*node);
        if (node->what == kind::range) --ranges_;
        return node;
    }

    /// The name after the word of {{define "name"}}, {{template "name" …}} and {{block "name" …}}; `action` is left
    /// with what follows it.
    static std::string take_name(std::string_view& action, std::string_view word) {
        action.remove_prefix(word.size());
        action.remove_prefix(std::min(action.find_first_not_of(template_blanks), action.size()));
        const std::size_t end = action.empty() ? std::string_view::npos : action.find(action.front(), 1);
        if (end == std::string_view::npos || (action.front() != '"' && action.front() != '`'))
            refuse_template(fmt::format("unexpected \"{}\" in {} clause", action, word));
        std::string name = unquoted(action.substr(0, end + 1));
        action.remove_prefix(end + 1);
        return name;
    }

    void parse_definition(std::string_view action, std::string_view word) {
        auto definition = std::make_unique<template_node>();
        definition->what = template_node::kind::definition;
        definition->text = take_name(action, word);
        definition->body = parse_body();
        if (ended_by_ != "end") refuse_template("unexpected EOF");
        ended_by_ = {};
        definitions_.push_back(std::move(definition));
    }

    /// A block defines what it uses.
    std::unique_ptr<template_node> parse_use(std::string_view action, std::string_view word) {
        auto node = std::make_unique<template_node>();
        node->what = template_node::kind::use;
        std::string_view argument = action;
        node->text = take_name(argument, word);
        if (argument.find_first_not_of(template_blanks) != std::string_view::npos)
            node->pipeline = parse_whole_pipeline(source_, argument);
        if (word == "block") parse_definition(action.substr(0, action.size() - argument.size()), word);
        return node;
    }

    void parse_branches(template_node& node) {
        node.body = parse_body();
        if (ended_by_.starts_with("else")) {
            const std::string_view action = ended_by_;
            const std::size_t condition = action.find_first_not_of(template_blanks, 4);
            if (condition != std::string_view::npos) {
                // "else if x" is an else that holds one block, which shares this block's end.
                const std::string_view chained = action.substr(condition);
                const std::string_view word = chained.substr(0, chained.find_first_of(template_blanks));
                if (word != "if" && word != "with") refuse_template(fmt::format("unexpected \"{}\" after else", word));
                node.otherwise.push_back(parse_action(word, chained));
                return;
            }
            node.otherwise = parse_body();
        }
        if (ended_by_ != "end") refuse_template("unexpected EOF");
        ended_by_ = {};
    }

    std::string_view source_;
    std::size_t at_ = 0;
    bool trims_begin_ = false;
    int ranges_ = 0; ///< How many a place stands in
    std::string_view ended_by_;
    template_body definitions_;
};

} // namespace

void refuse_template(std::string_view why) {
    throw error(errc::invalid, "template: :1: {}", why);
}

template_body parse_template(std::string_view source) {
    return parser{source}.parse();
}

} // namespace davit::cli::detail
