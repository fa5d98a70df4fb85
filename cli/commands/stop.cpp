#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"
#include "cli/option_values.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

/// stop, and restart, which is a stop that is followed by a start.
class stop_command final : public command {
  public:
    explicit stop_command(std::string_view verb) : verb_{verb} {}

    void declare(flag_set& flags) override {
        flags.text("signal", 's', signal_, "Signal to send to the container");
        flags.number("timeout", 't', timeout_, "Seconds to wait before killing the container");
        flags.parsed("time", 0, "int", "", [this](const std::string& text) {
            former_timeout_ = parse_whole_number(text);
            print("Flag --time has been deprecated, use --timeout instead\n"); // where docker says it, too
        });
        flags.hide({"time"});
    }

    task<int> run(invocation call) override {
        if (timeout_ && former_timeout_)
            throw exit_error(1, "conflicting options: cannot specify both --timeout and --time");
        if (former_timeout_) timeout_ = former_timeout_;
        std::string suffix = fmt::format("/{}?", verb_);
        if (timeout_) suffix += fmt::format("&t={}", *timeout_);
        if (!signal_.empty()) suffix += "&signal=" + encoded(signal_);
        const auto outcome = co_await ask_for_each_container(
            call.api, call.words, {.suffix = std::move(suffix), .asks_at_once = verb_ == "stop"});
        co_return outcome.exit_code();
    }

  private:
    std::string_view verb_;
    std::optional<std::int64_t> timeout_, former_timeout_;
    std::string signal_;
};

} // namespace

std::unique_ptr<command> make_stop() {
    return std::make_unique<stop_command>("stop");
}

std::unique_ptr<command> make_restart() {
    return std::make_unique<stop_command>("restart");
}

} // namespace davit::cli
