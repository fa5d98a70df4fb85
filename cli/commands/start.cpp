#include "api/types/container_inspect.h"
#include "api/types/wait_response.h"
#include "cli/attached.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

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
            return start_attached(call.api, call.words[0]);
        }
        return for_each_word(call.words, [&api = call.api](std::string name) { return one(api, std::move(name)); });
    }

  private:
    static task<void> one(engine& api, std::string name) {
        co_await api.post(fmt::format("/containers/{}/start", encoded(name)));
        print(name + "\n");
    }

    task<int> start_attached(engine& api, std::string name) const {
        const auto facts = co_await api.get<api::container_inspect>(fmt::format("/containers/{}/json", encoded(name)));
        attached_streams streams;
        streams.is_tty = facts.config.tty;
        streams.standard_input = is_interactive_ && facts.config.open_stdin;
        std::string path = fmt::format("/containers/{}/attach?stream=1&stdin={:d}&stdout=1&stderr=1", facts.id,
                                       streams.standard_input);
        if (!detach_keys_.empty()) path += "&detachKeys=" + encoded(detach_keys_);
        const io::stream_ptr stream = co_await api.hijack(std::move(path));
        auto ended =
            co_await api.open(io::http_method::post, fmt::format("/containers/{}/wait?condition=next-exit", facts.id));
        co_await api.post(fmt::format("/containers/{}/start", facts.id));
        co_await run_attached(api, *stream, {facts.id, streams, !streams.is_tty});
        if (streams.is_tty) {
            const auto after = co_await api.get<api::container_inspect>(fmt::format("/containers/{}/json", facts.id));
            if (after.state.is_running) co_return 0; // detached
        }
        const std::string body = co_await ended.read_all(1u << 20);
        co_return static_cast<int>(io::parse<api::wait_response>(body, "the engine's answer").status_code);
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
