#include <algorithm>
#include <cctype>
#include <charconv>

#include "cli/template_nodes.h"
#include "core/error.h"

namespace davit::cli::detail {

namespace {

/// The words of one action: names, fields, literals, and the marks | ( ) , := =
class tokenizer {
  public:
    /// `text` is a part of `source`.
    tokenizer(std::string_view source, std::string_view text) : source_{source}, text_{text} { advance(); }

    const std::string& current() const noexcept { return current_; }
    bool is_at_end() const noexcept { return current_.empty(); }
    /// Whether a blank stood before the current word: ".A.B" is one operand, ".A .B" are two.
    bool follows_blank() const noexcept { return follows_blank_; }

    /// Where the current word stands in the source: line from 1, column from 0, in bytes.
    std::string place() const {
        const auto offset = static_cast<std::size_t>(text_.data() - source_.data()) + begin_;
        const std::string_view before = source_.substr(0, offset);
        const std::size_t line_begin = before.rfind('\n') + 1; // npos + 1 is 0
        return fmt::format("{}:{}", 1 + std::count(before.begin(), before.end(), '\n'), offset - line_begin);
    }

    std::string take() {
        std::string taken = std::move(current_);
        advance();
        return taken;
    }
    /// Where the current word begins, and from there to the end of the last one that was taken.
    std::size_t position() const noexcept { return begin_; }
    std::string_view since(std::size_t position) const noexcept { return text_.substr(position, taken_to_ - position); }
    bool accept(std::string_view word) {
        if (current_ != word) return false;
        advance();
        return true;
    }

  private:
    void advance() {
        taken_to_ = at_;
        const std::size_t begin = std::min(text_.find_first_not_of(template_blanks, at_), text_.size());
        follows_blank_ = begin != at_ || at_ == 0;
        begin_ = at_ = begin;
        if (at_ == text_.size()) {
            current_.clear();
            return;
        }
        const std::size_t length = word_length();
        current_ = text_.substr(at_, length);
        at_ += length;
    }

    std::size_t word_length() const {
        const std::string_view rest = text_.substr(at_);
        const char first = rest.front();
        if (first == '"' || first == '`' || first == '\'') {
            for (std::size_t i = 1; i < rest.size(); ++i) {
                if (rest[i] == '\\' && first != '`')
                    ++i;
                else if (rest[i] == first)
                    return i + 1;
            }
            refuse_template("unterminated quoted string");
        }
        if (rest.starts_with(":=")) return 2;
        if (first == '|' || first == '(' || first == ')' || first == ',' || first == '=') return 1;
        const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
        std::size_t length = 1;
        const bool is_number = std::isdigit(static_cast<unsigned char>(first)) || first == '-' || first == '+';
        while (length < rest.size() && (is_part(rest[length]) || (is_number && rest[length] == '.'))) ++length;
        return length;
    }

    std::string_view source_;
    std::string_view text_;
    std::size_t begin_ = 0;
    std::size_t at_ = 0;
    std::size_t taken_to_ = 0;
    std::string current_;
    bool follows_blank_ = true;
};

/// The number of `count` hexadecimal digits after `at`, which then is the last of them.
unsigned hexadecimal(std::string_view text, std::size_t& at, std::size_t count) {
    const std::string_view digits = text.substr(at + 1, count);
    unsigned number = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (failed != std::errc{} || end != digits.data() + count) refuse_template("invalid syntax");
    at += count;
    return number;
}

void append_utf8(std::string& to, unsigned code) {
    if (code < 0x80) {
        to += static_cast<char>(code);
    } else if (code < 0x800) {
        to += static_cast<char>(0xc0 | (code >> 6));
        to += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        to += static_cast<char>(0xe0 | (code >> 12));
        to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        to += static_cast<char>(0x80 | (code & 0x3f));
    }
}

} // namespace

std::string unquoted(std::string_view quoted) {
    if (quoted.front() == '`') return std::string{quoted.substr(1, quoted.size() - 2)};
    std::string text;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        if (quoted[i] != '\\') {
            text += quoted[i];
            continue;
        }
        switch (quoted[++i]) {
        case 'n':
            text += '\n';
            break;
        case 't':
            text += '\t';
            break;
        case 'r':
            text += '\r';
            break;
        case 'x':
            text += static_cast<char>(hexadecimal(quoted, i, 2));
            break;
        case 'u':
            append_utf8(text, hexadecimal(quoted, i, 4));
            break;
        default:
            text += quoted[i];
        }
    }
    return text;
}

namespace {

/// Go's whole numbers (also 0x10, 0b1, 0o7) and others (1.5, 1e3).
value number_of(const std::string& word) {
    const bool is_negative = word.front() == '-';
    std::string digits = word.substr(is_negative || word.front() == '+' ? 1 : 0);
    std::erase(digits, '_');
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0')
        base = digits[1] == 'x' || digits[1] == 'X' ? 16 : digits[1] == 'b' ? 2 : digits[1] == 'o' ? 8 : 10;
    std::int64_t whole = 0;
    const char* const begin = digits.data() + (base == 10 ? 0 : 2);
    const char* const end = digits.data() + digits.size();
    if (const auto [rest, failed] = std::from_chars(begin, end, whole, base); failed == std::errc{} && rest == end)
        return is_negative ? -whole : whole;
    double real = 0;
    if (const auto [rest, failed] = std::from_chars(begin, end, real); failed == std::errc{} && rest == end)
        return value::number{fmt::format("{:g}", is_negative ? -real : real)};
    refuse_template(fmt::format("bad number syntax: \"{}\"", word));
}

/// A character is its number.
value character_of(const std::string& text) {
    const auto first = text.empty() ? 0u : static_cast<unsigned char>(text[0]);
    if (first < 0x80) return static_cast<std::int64_t>(first);
    std::int64_t code = first & (first >= 0xf0 ? 0x07 : first >= 0xe0 ? 0x0f : 0x1f);
    for (std::size_t i = 1; i < text.size(); ++i) code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
    return code;
}

template_pipeline parse_pipeline(tokenizer& words);

/// Fields that follow without a blank: ".A.B" after a dot, a variable or a closing parenthesis.
void parse_fields(tokenizer& words, template_operand& of) {
    for (bool is_first = true;
         !words.is_at_end() && !words.follows_blank() && words.current().size() > 1 && words.current()[0] == '.';
         is_first = false) {
        if (is_first) of.place = words.place();
        of.fields.push_back(words.take().substr(1));
    }
}

template_operand parse_operand(tokenizer& words) {
    using kind = template_operand::kind;
    template_operand made;
    made.place = words.place();
    if (words.accept("(")) {
        made.what = kind::pipeline;
        made.inner = std::make_unique<template_pipeline>(parse_pipeline(words));
        if (!words.accept(")")) refuse_template("unclosed left paren");
        parse_fields(words, made);
        return made;
    }
    const std::string word = words.take();
    const char first = word.front();
    if (first == '.') {
        if (word.size() > 1) made.fields.push_back(word.substr(1));
        parse_fields(words, made);
    } else if (first == '$') {
        made.what = kind::variable;
        made.name = word;
        parse_fields(words, made);
    } else if (first == '\'') {
        made.what = kind::literal;
        made.literal = character_of(unquoted(word));
    } else if (first == '"' || first == '`') {
        made.what = kind::literal;
        made.literal = unquoted(word);
    } else if (word == "true" || word == "false") {
        made.what = kind::literal;
        made.literal = word == "true";
    } else if (word == "nil") {
        made.what = kind::literal;
    } else if (std::isdigit(static_cast<unsigned char>(first)) || first == '-' || first == '+') {
        made.what = kind::literal;
        made.literal = number_of(word);
    } else if (is_template_function(word)) {
        made.what = kind::function;
        made.name = word;
    } else if (std::isalpha(static_cast<unsigned char>(first))) {
        refuse_template(fmt::format("function \"{}\" not defined", word));
    } else {
        refuse_template(fmt::format("unexpected \"{}\" in operand", word));
    }
    return made;
}

template_pipeline parse_pipeline(tokenizer& words) {
    template_pipeline made;
    do {
        template_command command;
        std::size_t begin = words.position();
        while (!words.is_at_end() && words.current() != "|" && words.current() != ")") {
            command.operands.push_back(parse_operand(words));
            if (words.current() == "," || words.current() == ":=" || words.current() == "=") {
                if (!made.commands.empty() || command.operands.back().what != template_operand::kind::variable)
                    refuse_template(fmt::format("unexpected \"{}\"", words.current()));
                made.variables.push_back(command.operands.back().name);
                command.operands.clear();
                made.is_assignment = words.take() == "=";
                begin = words.position();
            }
        }
        if (command.operands.empty()) refuse_template("missing value for command");
        command.written = words.since(begin);
        made.commands.push_back(std::move(command));
    } while (words.accept("|"));
    return made;
}

} // namespace

template_pipeline parse_whole_pipeline(std::string_view source, std::string_view text) {
    tokenizer words{source, text};
    if (words.is_at_end()) refuse_template("missing value for command");
    template_pipeline made = parse_pipeline(words);
    if (!words.is_at_end()) refuse_template(fmt::format("unexpected \"{}\"", words.current()));
    return made;
}

} // namespace davit::cli::detail
