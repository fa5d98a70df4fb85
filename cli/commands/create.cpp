#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/container_flags.h"
#include "cli/create_container.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class create final : public command {
  public:
    void declare(flag_set& flags) override { flags_.declare(flags); }

    task<int> run(invocation call) override {
        const std::string id = co_await create_container(call.api, flags_, flags_.request(call.words));
        print(id + "\n");
        co_return 0;
    }

  private:
    container_flags flags_;
};

} // namespace

std::unique_ptr<command> make_create() {
    return std::make_unique<create>();
}

} // namespace davit::cli
