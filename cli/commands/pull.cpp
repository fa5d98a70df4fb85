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
        flags.boolean("all-tags", 'a', takes_all_tags_, "Download all tagged images in the repository");
        flags.boolean("disable-content-trust", 0, trusts_, "Skip image verification (default true)");
        flags.text("platform", 0, platform_, "Set platform if server is multi-platform capable");
        flags.boolean("quiet", 'q', is_quiet_, "Suppress verbose output");
    }

    task<int> run(invocation call) override {
        const auto asked = image_reference::parse(call.words[0]);
        if (takes_all_tags_ && !asked.names_repository_only())
            throw exit_error(1, "tag can't be used with --all-tags/-a");
        if (asked.names_repository_only() && !takes_all_tags_ && !is_quiet_) print("Using default tag: latest\n");
        pull_options options;
        options.image = call.words[0];
        options.platform = platform_;
        options.takes_all_tags = takes_all_tags_;
        options.is_quiet = is_quiet_;
        const std::string name = co_await pull_image(call.api, call.settings, std::move(options));
        print(name + "\n");
        co_return 0;
    }

  private:
    std::string platform_;
    bool takes_all_tags_ = false;
    bool is_quiet_ = false;
    bool trusts_ = true; ///< Content trust is no part of this program; scripts may still switch it off
};

} // namespace

std::unique_ptr<command> make_pull() {
    return std::make_unique<pull_command>();
}

} // namespace davit::cli
