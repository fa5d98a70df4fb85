#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/json.h"

namespace davit::api {

/// The words of an array, or one plain text, which is one word: Docker takes both for Cmd, Entrypoint, CapAdd and
/// CapDrop.
struct command_words {
    std::optional<std::vector<std::string>> words;
};

} // namespace davit::api

template <> struct davit::io::json_form<davit::api::command_words> {
    static void read(json_value& from, davit::api::command_words& to) {
        if (from.kind() == json_kind::string)
            to.words = std::vector<std::string>{std::string{from.string()}};
        else
            read_as(from, to.words);
    }
    static void write(json_writer& to, const davit::api::command_words& from) { write_as(to, from.words); }
    static bool is_empty(const davit::api::command_words& value) { return !value.words; }
};
