#pragma once

#include <string>
#include <string_view>

namespace davit::api {

/// Reads Docker's notation for a key sequence: keys with commas in between, each one character, "ctrl-" with one of
/// a…z @ [ \ ] ^ _, or "DEL". Empty text is the default, "ctrl-p,ctrl-q".
/// Errors: invalid "Invalid detach keys (…) provided".
std::string parse_detach_keys(std::string_view text);

/// Watches a terminal's input for a key sequence. What may be its beginning is held back until the next key decides.
class detach_watch {
  public:
    explicit detach_watch(std::string keys) : keys_{std::move(keys)} {}

    /// Appends to `forward` what the container gets of `input`. True when the sequence was completed: nothing after it
    /// is forwarded.
    bool feed(std::string_view input, std::string& forward);

  private:
    std::string keys_;
    std::size_t matched_ = 0;
};

} // namespace davit::api
