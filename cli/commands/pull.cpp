#include "cli/pull.h"

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "core/reference.h"

namespace davit::cli {

namespace {

class pull_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("platform", 0, platform_, "Set platform if server is multi-platform capable");
        flags.boolean("quiet", 'q', is_quiet_, "Suppress verbose output");
    }

    task<int> run(invocation call) override {
        const auto asked = image_reference::parse(call.words[0]);
        if (asked.names_repository_only() && !is_quiet_) print("Using default tag: latest\n");
        const std::string name = co_await pull_image(call.api, {call.words[0], platform_, is_quiet_, stdout});
        print(name + "\n");
        co_return 0;
    }

  private:
    std::string platform_;
    bool is_quiet_ = false;
};

} // namespace

std::unique_ptr<command> make_pull() {
    return std::make_unique<pull_command>();
}

} // namespace davit::cli
