#include "cli/each_word.h"

namespace davit::cli {

void complain(const error& e) {
    print_error(e.text());
}

namespace {

task<void> ask_for(engine& api, std::string name, container_request request) {
    co_await api.ask(request.method, container_path(name) + request.suffix);
    print(name + "\n");
}

} // namespace

task<word_outcome> ask_for_each_container(engine& api, std::vector<std::string> names, container_request request) {
    const bool forgives_absence = request.forgives_absence;
    const auto one = [&api, &request](std::string name) { return ask_for(api, std::move(name), request); };
    co_return co_await for_each_word(std::move(names), one, forgives_absence);
}

} // namespace davit::cli
