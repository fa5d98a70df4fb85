#include <fmt/ranges.h>

#include "api/types/container_inspect.h"
#include "cli/attachment.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

class start_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("attach", 'a', attaches_, "Attach STDOUT/STDERR and forward signals");
        flags.text("detach-keys", 0, detach_keys_, "Override the key sequence for detaching a container");
        flags.boolean("interactive", 'i', is_interactive_, "Attach container's STDIN");
    }

    task<int> run(invocation call) override {
        if (attaches_ || is_interactive_) {
            if (call.words.size() > 1) throw exit_error(1, "you cannot start and attach multiple containers at once");
            co_return co_await start_attached(call.api, call.settings, call.words[0]);
        }
        const auto outcome = co_await ask_for_each_container(call.api, call.words, {.suffix = "/start"});
        if (outcome.failed.empty()) co_return 0;
        throw exit_error(1, "Error: failed to start containers: {}", fmt::join(outcome.failed, ", "));
    }

  private:
    task<int> start_attached(engine& api, const client_configuration& settings, std::string name) const {
        const auto facts = co_await api.get<api::container_inspect>(container_path(name) + "/json");
        attachment_options options;
        options.container = facts.id;
        options.streams.is_tty = facts.config.tty;
        options.streams.standard_input = is_interactive_ && facts.config.open_stdin;
        options.proxies_signals = !facts.config.tty;
        options.detach_keys = detach_keys_.empty() ? settings.detach_keys : detach_keys_;
        if (facts.host.auto_remove) options.end = "removed";
        if (options.streams.is_tty && options.streams.standard_input) require_terminal();
        options.starts = true;
        attachment joined = co_await attachment::open(api, std::move(options));
        co_return (co_await joined.run()).exit_code;
    }

    bool attaches_ = false;
    bool is_interactive_ = false;
    std::string detach_keys_;
};

} // namespace

std::unique_ptr<command> make_start() {
    return std::make_unique<start_command>();
}

} // namespace davit::cli
