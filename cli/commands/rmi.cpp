#include "api/types/image.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/each_word.h"
#include "cli/option_values.h"

namespace davit::cli {

namespace {

class rmi_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("force", 'f', is_forced_, "Force removal of the image");
        flags.boolean("no-prune", 0, keeps_parents_, "Do not delete untagged parents");
        flags.list("platform", 0, platforms_,
                   "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
                   "\"linux/amd64\")",
                   "strings");
        flags.since("platform", "1.50");
    }

    task<int> run(invocation call) override {
        const std::string query =
            fmt::format("?force={:d}&noprune={:d}{}", is_forced_, keeps_parents_, platform_parameters());
        const auto one_of_them = [&api = call.api, &query](std::string name) {
            return one(api, std::move(name), query);
        };
        const auto outcome = co_await for_each_word(call.words, one_of_them, is_forced_);
        co_return outcome.exit_code();
    }

  private:
    /// A value may name several, with commas between them.
    std::string platform_parameters() const {
        std::string parameters;
        for (const std::string& value : platforms_) {
            if (value.empty()) continue; // as docker has it
            for (const std::string& named : split_csv(value)) parameters += "&platforms=" + encoded_platform(named);
        }
        return parameters;
    }

    static task<void> one(engine& api, std::string name, std::string query) {
        const std::string body =
            co_await api.ask(io::http_method::del, fmt::format("/images/{}{}", io::percent_encode(name, "/:@"), query));
        for (const auto& item : io::parse<std::vector<api::image_delete_item>>(body, "the engine's answer"))
            print(item.deleted.empty() ? fmt::format("Untagged: {}\n", printable(item.untagged))
                                       : fmt::format("Deleted: {}\n", printable(item.deleted)));
    }

    bool is_forced_ = false;
    bool keeps_parents_ = false;
    std::vector<std::string> platforms_;
};

} // namespace

std::unique_ptr<command> make_rmi() {
    return std::make_unique<rmi_command>();
}

} // namespace davit::cli
