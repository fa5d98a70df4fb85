#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class stop_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("signal", 's', signal_, "Signal to send to the container");
        flags.number("time", 't', timeout_, "Seconds to wait before killing the container");
        flags.alias("timeout", "time");
    }

    task<int> run(invocation call) override {
        std::string query = "?";
        if (timeout_) query += fmt::format("&t={}", *timeout_);
        if (!signal_.empty()) query += "&signal=" + encoded(signal_);
        return for_each_word(call.words,
                             [&api = call.api, query](std::string name) { return one(api, std::move(name), query); });
    }

  private:
    static task<void> one(engine& api, std::string name, std::string query) {
        co_await api.post(fmt::format("/containers/{}/stop{}", encoded(name), query));
        print(name + "\n");
    }

    std::optional<std::int64_t> timeout_;
    std::string signal_;
};

} // namespace

std::unique_ptr<command> make_stop() {
    return std::make_unique<stop_command>();
}

} // namespace davit::cli
