#pragma once

#include <string>
#include <vector>

#include <fmt/core.h>

#include "cli/engine.h"
#include "cli/output.h"
#include "core/task.h"

namespace davit::cli {

/// Says on standard error what is wrong with one word, as docker words it.
void complain(const error& e);

/// What became of the words of one command.
struct word_outcome {
    std::vector<std::string> failed;
    int exit_code() const noexcept { return failed.empty() ? 0 : 1; }
};

/// Calls `act(word)` for each word; prints what fails and goes on, as Docker does. With `forgives_absence` a word that
/// names nothing is still complained of, but is no failure: what was to be gone is gone.
template <class Action>
task<word_outcome> for_each_word(std::vector<std::string> words, Action act, bool forgives_absence = false) {
    word_outcome outcome;
    for (const std::string& word : words) {
        try {
            co_await act(word);
        } catch (const engine_error& e) {
            complain(e);
            if (!forgives_absence || e.status() != 404) outcome.failed.push_back(word);
        } catch (const name_error& e) {
            complain(e);
            outcome.failed.push_back(word);
        }
    }
    co_return outcome;
}

/// One request for each container, `method` /containers/NAME`suffix`, whose success is its name printed.
struct container_request {
    io::http_method method = io::http_method::post;
    std::string suffix; ///< "/stop?t=3"
    bool forgives_absence = false;
    bool asks_at_once = false; ///< All containers, since an answer takes its time; told in order all the same
};
task<word_outcome> ask_for_each_container(engine& api, std::vector<std::string> names, container_request request);

} // namespace davit::cli
