#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

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
        std::string query = "?";
        query += fmt::format("force={:d}&v={:d}&link={:d}", is_forced_, removes_volumes_, removes_link_);
        return for_each_word(call.words,
                             [&api = call.api, query](std::string name) { return one(api, std::move(name), query); });
    }

  private:
    static task<void> one(engine& api, std::string name, std::string query) {
        co_await api.ask(io::http_method::del, fmt::format("/containers/{}{}", encoded(name), query));
        print(name + "\n");
    }

    bool is_forced_ = false;
    bool removes_link_ = false;
    bool removes_volumes_ = false;
};

} // namespace

std::unique_ptr<command> make_rm() {
    return std::make_unique<rm_command>();
}

} // namespace davit::cli
