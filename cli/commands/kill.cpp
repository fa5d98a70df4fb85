#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class kill_command final : public command {
  public:
    void declare(flag_set& flags) override { flags.text("signal", 's', signal_, "Signal to send to the container"); }

    task<int> run(invocation call) override {
        std::string query = "?signal=";
        query += encoded(signal_.empty() ? "KILL" : signal_);
        return for_each_word(call.words,
                             [&api = call.api, query](std::string name) { return one(api, std::move(name), query); });
    }

  private:
    static task<void> one(engine& api, std::string name, std::string query) {
        co_await api.post(fmt::format("/containers/{}/kill{}", encoded(name), query));
        print(name + "\n");
    }

    std::string signal_;
};

} // namespace

std::unique_ptr<command> make_kill() {
    return std::make_unique<kill_command>();
}

} // namespace davit::cli
