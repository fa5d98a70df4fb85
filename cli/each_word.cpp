#include "cli/each_word.h"

#include <deque>
#include <exception>

#include "core/event.h"
#include "core/scope.h"
#include "core/semaphore.h"

namespace davit::cli {

void complain(const error& e) {
    print_error(e.text());
}

namespace {

/// As many as docker asks for at once.
constexpr std::size_t asked_at_once = 50;

/// What has come of one of several requests.
struct pending_answer {
    event is_there;
    std::exception_ptr failure;
};

/// `permits` and `answer` are the caller's, who waits for all of these.
task<void> ask_for(engine& api, std::string name, container_request request, semaphore& permits,
                   pending_answer& answer) {
    const auto permit = co_await permits.acquire();
    try {
        co_await api.ask(request.method, container_path(name) + request.suffix);
    } catch (...) {
        answer.failure = std::current_exception();
    }
    answer.is_there.set();
}

task<void> tell(std::string name, pending_answer& answer) {
    co_await answer.is_there.wait();
    if (answer.failure) std::rethrow_exception(answer.failure);
    print(name + "\n");
}

} // namespace

task<word_outcome> ask_for_each_container(engine& api, std::vector<std::string> names, container_request request) {
    semaphore permits{request.asks_at_once ? asked_at_once : 1};
    std::deque<pending_answer> answers(names.size());
    co_return co_await with_scope([&](scope& asking) -> task<word_outcome> {
        for (std::size_t i = 0; i < names.size(); ++i)
            asking.spawn(ask_for(api, names[i], request, permits, answers[i]));
        const auto next = [&, at = answers.begin()](std::string name) mutable { return tell(std::move(name), *at++); };
        co_return co_await for_each_word(names, next, request.forgives_absence);
    });
}

} // namespace davit::cli
