#include "api/types/container_inspect.h"
#include "api/types/wait_response.h"
#include "cli/attached.h"
#include "cli/command.h"
#include "cli/commands/commands.h"

namespace davit::cli {

namespace {

class attach_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("detach-keys", 0, detach_keys_, "Override the key sequence for detaching a container");
        flags.boolean("no-stdin", 0, has_no_input_, "Do not attach STDIN");
        flags.boolean("sig-proxy", 0, proxies_signals_, "Proxy all received signals to the process");
    }

    task<int> run(invocation call) override {
        const std::string name = encoded(call.words[0]);
        const auto before = co_await call.api.get<api::container_inspect>(fmt::format("/containers/{}/json", name));
        if (!before.state.is_running) throw exit_error(1, "cannot attach to a stopped container, start it first");
        attached_streams streams;
        streams.is_tty = before.config.tty;
        streams.standard_input = !has_no_input_ && before.config.open_stdin;
        std::string path = fmt::format("/containers/{}/attach?stream=1&stdin={:d}&stdout=1&stderr=1", before.id,
                                       streams.standard_input);
        if (!detach_keys_.empty()) path += "&detachKeys=" + encoded(detach_keys_);
        auto ended = co_await call.api.open(io::http_method::post, fmt::format("/containers/{}/wait", before.id));
        const io::stream_ptr stream = co_await call.api.hijack(std::move(path));
        co_await run_attached(call.api, *stream, {before.id, streams, proxies_signals_ && !streams.is_tty});
        if (streams.is_tty) {
            const auto after =
                co_await call.api.get<api::container_inspect>(fmt::format("/containers/{}/json", before.id));
            if (after.state.is_running) co_return 0; // detached
        }
        const std::string body = co_await ended.read_all(1u << 20);
        co_return static_cast<int>(io::parse<api::wait_response>(body, "the engine's answer").status_code);
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
