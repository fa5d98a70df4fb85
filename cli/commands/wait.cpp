#include "api/types/wait_response.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"

namespace davit::cli {

namespace {

class wait_command final : public command {
  public:
    void declare(flag_set&) override {}

    task<int> run(invocation call) override {
        const auto outcome = co_await for_each_word(
            call.words, [&api = call.api](std::string name) { return one(api, std::move(name)); });
        co_return outcome.exit_code();
    }

  private:
    static task<void> one(engine& api, std::string name) {
        const std::string body = co_await api.post(container_path(name) + "/wait");
        print(fmt::format("{}\n", io::parse<api::wait_response>(body, "the engine's answer").status_code));
    }
};

} // namespace

std::unique_ptr<command> make_wait() {
    return std::make_unique<wait_command>();
}

} // namespace davit::cli
