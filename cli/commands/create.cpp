#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/container_flags.h"
#include "cli/create_container.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class create_command final : public command {
  public:
    void declare(flag_set& flags) override { flags_.declare(flags); }

    task<int> run(invocation call) override {
        api::create_body body = flags_.checked_request("create", call.words);
        print(co_await create_container(call.api, call.settings, flags_, std::move(body)) + "\n");
        co_return 0;
    }

  private:
    container_flags flags_;
};

} // namespace

std::unique_ptr<command> make_create() {
    return std::make_unique<create_command>();
}

} // namespace davit::cli
