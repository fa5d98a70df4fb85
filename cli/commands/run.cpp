#include <unistd.h>

#include "cli/attachment.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/container_flags.h"
#include "cli/create_container.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

class run_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags_.declare(flags);
        flags.boolean("detach", 'd', is_detached_, "Run container in background and print container ID");
        flags.text("detach-keys", 0, detach_keys_, "Override the key sequence for detaching a container");
        flags.boolean("sig-proxy", 0, proxies_signals_, "Proxy received signals to the process (default true)");
    }

    task<int> run(invocation call) override {
        if (is_detached_ && !flags_.attach.empty())
            throw exit_error(1, "conflicting options: cannot specify both --attach and --detach");
        api::create_body body = flags_.checked_request("run", call.words);
        try {
            const attached_streams streams = choose_streams(body);
            co_return co_await run_container(call.api, call.settings, std::move(body), streams);
        } catch (const exit_error&) {
            throw;
        } catch (const error& e) {
            throw failure_with_help(exit_code_of_refusal(e.text()), "run", e.text());
        }
    }

  private:
    attached_streams choose_streams(api::create_body& body) const {
        if (is_detached_) {
            body.attach_stdin = body.attach_stdout = body.attach_stderr = body.stdin_once = false;
            return {};
        }
        if (body.attach_stdin && flags_.tty) require_terminal();
        if (flags_.tty) {
            const terminal_size size = size_of_terminal(STDOUT_FILENO);
            if (size.rows != 0) body.host.console_size = std::vector<std::int64_t>{size.rows, size.columns};
        }
        return {body.attach_stdin, body.attach_stdout, body.attach_stderr, flags_.tty};
    }

    task<int> run_container(engine& api, const client_configuration& settings, api::create_body body,
                            attached_streams streams) const {
        const std::string id = co_await create_container(api, settings, flags_, std::move(body));
        if (is_detached_) {
            co_await api.post(container_path(id) + "/start");
            print(id + "\n");
            co_return 0;
        }
        attachment_options options;
        options.container = id;
        options.streams = streams;
        options.proxies_signals = proxies_signals_;
        options.starts = true;
        options.detach_keys = detach_keys_.empty() ? settings.detach_keys : detach_keys_;
        if (flags_.remove) options.end = "removed";
        attachment joined = co_await attachment::open(api, std::move(options));
        co_return (co_await joined.run()).exit_code;
    }

    container_flags flags_;
    bool is_detached_ = false;
    bool proxies_signals_ = true;
    std::string detach_keys_;
};

} // namespace

std::unique_ptr<command> make_run() {
    return std::make_unique<run_command>();
}

} // namespace davit::cli
