#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"

namespace davit::cli {

namespace {

class rm_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("force", 'f', is_forced_, "Force the removal of a running container (uses SIGKILL)");
        flags.boolean("link", 'l', removes_link_, "Remove the specified link");
        flags.boolean("volumes", 'v', removes_volumes_, "Remove anonymous volumes associated with the container");
    }

    task<int> run(invocation call) override {
        const auto is_nothing = [](const std::string& name) {
            return name.find_first_not_of('/') == std::string::npos;
        };
        const bool has_nothing = std::erase_if(call.words, is_nothing) > 0;
        container_request request;
        request.method = io::http_method::del;
        request.suffix = fmt::format("?force={:d}&v={:d}&link={:d}", is_forced_, removes_volumes_, removes_link_);
        request.forgives_absence = is_forced_;
        request.asks_at_once = true;
        const auto outcome = co_await ask_for_each_container(call.api, call.words, std::move(request));
        if (has_nothing) throw exit_error(1, "container name cannot be empty");
        co_return outcome.exit_code();
    }

  private:
    bool is_forced_ = false;
    bool removes_link_ = false;
    bool removes_volumes_ = false;
};

} // namespace

std::unique_ptr<command> make_rm() {
    return std::make_unique<rm_command>();
}

} // namespace davit::cli
