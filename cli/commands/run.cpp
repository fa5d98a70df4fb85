#include <algorithm>
#include <unistd.h>

#include "api/types/wait_response.h"
#include "cli/attached.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/container_flags.h"
#include "cli/create_container.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

/// What docker makes of an engine's refusal to start: the shell's own codes for a command that can't be run.
int exit_code_of(const std::string& text) {
    const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
    if (says("executable file not found") || says("no such file or directory")) return 127;
    if (says("permission denied") || says("is a directory")) return 126;
    return 125;
}

class run_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags_.declare(flags);
        flags.boolean("detach", 'd', is_detached_, "Run container in background and print container ID");
        flags.text("detach-keys", 0, detach_keys_, "Override the key sequence for detaching a container");
        flags.boolean("sig-proxy", 0, proxies_signals_, "Proxy received signals to the process");
    }

    task<int> run(invocation call) override {
        api::create_body body = flags_.request(call.words);
        const attached_streams streams = choose_streams(body);
        const std::string id = co_await create_container(call.api, flags_, std::move(body));
        if (is_detached_) {
            co_await start(call.api, id);
            print(id + "\n");
            co_return 0;
        }
        co_return co_await run_in_foreground(call.api, id, streams);
    }

  private:
    attached_streams choose_streams(api::create_body& body) const {
        attached_streams streams;
        streams.is_tty = flags_.tty;
        streams.standard_input = flags_.interactive;
        if (!flags_.attach.empty()) {
            const auto wants = [&](std::string_view name) {
                return std::any_of(flags_.attach.begin(), flags_.attach.end(), [&](const std::string& given) {
                    return given.size() == name.size() && std::equal(given.begin(), given.end(), name.begin(),
                                                                     [](char a, char b) { return (a | 0x20) == b; });
                });
            };
            streams = {wants("stdin"), wants("stdout"), wants("stderr"), flags_.tty};
        }
        if (is_detached_) {
            if (!flags_.attach.empty()) throw exit_error(125, "davit: conflicting options: cannot attach and detach");
            return streams;
        }
        if (streams.standard_input && flags_.tty && !is_terminal(STDIN_FILENO))
            throw exit_error(1, "the input device is not a TTY");
        body.attach_stdin = streams.standard_input;
        body.attach_stdout = streams.standard_output;
        body.attach_stderr = streams.standard_error;
        body.stdin_once = streams.standard_input;
        if (flags_.tty) {
            const terminal_size size = size_of_terminal(STDOUT_FILENO);
            if (size.rows != 0) body.host.console_size = std::vector<std::int64_t>{size.rows, size.columns};
        }
        return streams;
    }

    /// A container that can't be started ends the program with docker's exit code.
    task<void> start(engine& api, std::string id) const {
        try {
            co_await api.post(fmt::format("/containers/{}/start", id));
        } catch (const engine_error& e) {
            throw exit_error(exit_code_of(e.text()),
                             "davit: Error response from daemon: {}\n\nRun 'davit run --help' for "
                             "more information",
                             e.text());
        }
    }

    task<int> run_in_foreground(engine& api, std::string id, attached_streams streams) const {
        std::string path = fmt::format("/containers/{}/attach?stream=1&stdin={:d}&stdout={:d}&stderr={:d}", id,
                                       streams.standard_input, streams.standard_output, streams.standard_error);
        if (!detach_keys_.empty()) path += "&detachKeys=" + encoded(detach_keys_);
        const io::stream_ptr stream = co_await api.hijack(std::move(path));
        auto ended = co_await api.open(io::http_method::post, fmt::format("/containers/{}/wait?condition={}", id,
                                                                          flags_.remove ? "removed" : "next-exit"));
        co_await start(api, id);
        attachment_options options{id, streams, proxies_signals_ && !flags_.tty};
        co_await run_attached(api, *stream, std::move(options));
        // The output has ended. So has the container, unless the user has detached from it.
        const bool is_running = co_await still_runs(api, id);
        if (is_running) co_return 0;
        const std::string body = co_await ended.read_all(1u << 20);
        const auto status = io::parse<api::wait_response>(body, "the engine's answer");
        co_return static_cast<int>(status.status_code);
    }

    /// Only a terminal can be detached from.
    task<bool> still_runs(engine& api, std::string id) const {
        if (!flags_.tty || !flags_.interactive) co_return false;
        try {
            const std::string body = co_await api.ask(io::http_method::get, fmt::format("/containers/{}/json", id));
            const value details = value::parse(body, "the engine's answer");
            const value* state = details.find("State");
            const value* running = state ? state->find("Running") : nullptr;
            co_return running && running->is_true();
        } catch (const engine_error&) {
            co_return false;
        }
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
