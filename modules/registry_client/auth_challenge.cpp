#include "modules/registry_client/auth_challenge.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "core/error.h"
#include "core/fields.h"
#include "io/json.h"

namespace davit {

namespace {

struct token_body {
    std::string token;
    std::string access_token;
    std::int64_t expires_in = 0;
};

struct error_entry {
    std::string code;
    std::string message;
};

struct error_body {
    std::vector<error_entry> errors;
};

} // namespace

template <> struct fields_of<token_body> {
    static constexpr field_list list{field("token", &token_body::token),
                                     field("access_token", &token_body::access_token),
                                     field("expires_in", &token_body::expires_in)};
};

template <> struct fields_of<error_entry> {
    static constexpr field_list list{field("code", &error_entry::code), field("message", &error_entry::message)};
};

template <> struct fields_of<error_body> {
    static constexpr field_list list{field("errors", &error_body::errors)};
};

namespace {

bool is_token_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
    std::string made{text};
    std::ranges::transform(made, made.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return made;
}

/// Reads front to back.
class challenge_reader {
  public:
    explicit challenge_reader(std::string_view text) : left_{text} {}

    std::vector<auth_challenge> read() {
        std::vector<auth_challenge> all;
        while (skip_separators(), !left_.empty()) {
            const std::string_view word = take_word();
            if (word.empty()) break;
            skip_blanks();
            if (!left_.starts_with('=')) {
                all.push_back({lower(word), {}, {}});
                continue;
            }
            left_.remove_prefix(1);
            skip_blanks();
            std::string value = take_value();
            if (all.empty()) continue;
            const std::string key = lower(word);
            if (key == "realm")
                all.back().realm = std::move(value);
            else if (key == "service")
                all.back().service = std::move(value);
        }
        return all;
    }

  private:
    void skip_blanks() {
        while (left_.starts_with(' ') || left_.starts_with('\t')) left_.remove_prefix(1);
    }
    void skip_separators() {
        while (!left_.empty() && std::string_view{" \t,"}.find(left_.front()) != std::string_view::npos)
            left_.remove_prefix(1);
    }
    std::string_view take_word() {
        const auto end = std::ranges::find_if_not(left_, is_token_character) - left_.begin();
        const auto word = left_.substr(0, static_cast<std::size_t>(end));
        left_.remove_prefix(word.size());
        return word;
    }
    std::string take_value() {
        if (!left_.starts_with('"')) return std::string{take_word()};
        left_.remove_prefix(1);
        std::string value;
        while (!left_.empty() && left_.front() != '"') {
            if (left_.front() == '\\' && left_.size() > 1) left_.remove_prefix(1);
            value += left_.front();
            left_.remove_prefix(1);
        }
        if (!left_.empty()) left_.remove_prefix(1);
        return value;
    }

    std::string_view left_;
};

std::string base64(std::string_view bytes) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i) text += at + i <= bytes.size() ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

} // namespace

std::vector<auth_challenge> parse_challenges(std::string_view value) {
    return challenge_reader{value}.read();
}

registry_token parse_token(std::string_view body) {
    auto told = io::parse<token_body>(body, "the answer of the registry's token service");
    std::string& text = told.token.empty() ? told.access_token : told.token;
    if (text.empty()) throw error(errc::invalid, "the registry's token service gave no token");
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; }))
        throw error(errc::invalid, "the registry's token has characters that no header can hold");
    return {std::move(text), std::chrono::seconds{std::clamp<std::int64_t>(told.expires_in, 60, 3600)}};
}

std::string basic_authorization(const registry_credentials& credentials) {
    if (credentials.username.find(':') != std::string::npos)
        throw error(errc::invalid, "a registry's user name can't have a colon");
    return "Basic " + base64(credentials.username + ":" + credentials.password);
}

std::string shown_registry_error(std::string_view body) {
    try {
        const auto told = io::parse<error_body>(body, "the registry's error");
        if (told.errors.empty()) return {};
        std::string code = lower(told.errors.front().code);
        std::ranges::replace(code, '_', ' ');
        std::string text = code + ": " + told.errors.front().message;
        if (text.size() > 300) text.resize(300);
        std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
        return text;
    } catch (const error&) {
        return {};
    }
}

} // namespace davit
