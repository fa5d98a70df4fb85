#include "api/types/container_inspect.h"
#include "cli/attachment.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

class attach_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("detach-keys", 0, detach_keys_, "Override the key sequence for detaching a container");
        flags.boolean("no-stdin", 0, has_no_input_, "Do not attach STDIN");
        flags.boolean("sig-proxy", 0, proxies_signals_, "Proxy all received signals to the process (default true)");
    }

    task<int> run(invocation call) override {
        const auto before = co_await call.api.get<api::container_inspect>(container_path(call.words[0]) + "/json");
        if (!before.state.is_running) throw exit_error(1, "You cannot attach to a stopped container, start it first");
        if (before.state.is_paused) throw exit_error(1, "You cannot attach to a paused container, unpause it first");
        if (before.state.is_restarting)
            throw exit_error(1, "You cannot attach to a restarting container, wait until it is running");
        if (detach_keys_.empty()) detach_keys_ = call.settings.detach_keys;
        attachment_options options;
        options.container = before.id;
        options.streams.is_tty = before.config.tty;
        options.streams.standard_input = !has_no_input_ && before.config.open_stdin;
        options.proxies_signals = proxies_signals_ && !before.config.tty;
        options.is_joining = true;
        options.detach_keys = detach_keys_;
        options.end = "not-running";
        if (options.streams.is_tty && options.streams.standard_input) require_terminal();
        attachment joined = co_await attachment::open(call.api, std::move(options));
        const auto ending = co_await joined.run();
        if (ending.is_detached) throw exit_error(1, "read escape sequence");
        co_return ending.exit_code;
    }

  private:
    std::string detach_keys_;
    bool has_no_input_ = false;
    bool proxies_signals_ = true;
};

} // namespace

std::unique_ptr<command> make_attach() {
    return std::make_unique<attach_command>();
}

} // namespace davit::cli
