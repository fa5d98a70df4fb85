#include "api/detach_keys.h"

#include "core/error.h"

namespace davit::api {

namespace {

/// The character of "ctrl-x"; -1 when it is no such key.
int control_character(std::string_view key) {
    if (!key.starts_with("ctrl-") || key.size() != 6) return -1;
    const char named = key[5];
    if (named >= 'a' && named <= 'z') return named - 'a' + 1;
    if (named == '@' || (named >= '[' && named <= '_')) return named - '@';
    return -1;
}

} // namespace

std::string parse_detach_keys(std::string_view text) {
    if (text.empty()) return "\x10\x11";
    std::string keys;
    for (std::string_view rest = text;;) {
        const auto comma = rest.find(',');
        const auto key = rest.substr(0, comma);
        if (key.size() == 1)
            keys += key;
        else if (key == "DEL")
            keys += '\x7f';
        else if (const int code = control_character(key); code >= 0)
            keys += static_cast<char>(code);
        else
            throw error(errc::invalid, "Invalid detach keys ({}) provided", text);
        if (comma == std::string_view::npos) return keys;
        rest.remove_prefix(comma + 1);
    }
}

bool detach_watch::feed(std::string_view input, std::string& forward) {
    for (const char key : input) {
        // A key that breaks the sequence may still begin it anew, at any of its later beginnings ("p" after "pp" of
        // "ppq").
        while (matched_ > 0 && key != keys_[matched_]) {
            std::size_t kept = matched_ - 1;
            while (kept > 0 && keys_.compare(0, kept, keys_, matched_ - kept, kept) != 0) --kept;
            forward.append(keys_, 0, matched_ - kept);
            matched_ = kept;
        }
        if (key != keys_[matched_]) {
            forward += key;
            continue;
        }
        if (++matched_ == keys_.size()) return true;
    }
    return false;
}

} // namespace davit::api
