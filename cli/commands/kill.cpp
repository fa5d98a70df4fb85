#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"

namespace davit::cli {

namespace {

class kill_command final : public command {
  public:
    void declare(flag_set& flags) override { flags.text("signal", 's', signal_, "Signal to send to the container"); }

    task<int> run(invocation call) override {
        std::string suffix = "/kill";
        if (!signal_.empty()) suffix += "?signal=" + encoded(signal_);
        const auto outcome =
            co_await ask_for_each_container(call.api, call.words, {.suffix = std::move(suffix), .asks_at_once = true});
        co_return outcome.exit_code();
    }

  private:
    std::string signal_;
};

} // namespace

std::unique_ptr<command> make_kill() {
    return std::make_unique<kill_command>();
}

} // namespace davit::cli
