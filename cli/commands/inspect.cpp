#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

class inspect_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.text("format", 'f', format_, "Format output using a custom template: 'json' or 'TEMPLATE'");
        flags.boolean("size", 's', shows_size_, "Display total file sizes if the type is container");
        flags.text("type", 0, type_, "Only inspect objects of the given type");
    }

    task<int> run(invocation call) override {
        if (call.command.starts_with("container ")) type_ = "container";
        if (call.command.starts_with("image ")) type_ = "image";
        if (!type_.empty() && type_ != "container" && type_ != "image")
            throw exit_error(1, "\"{}\" is not a valid value for --type", type_);
        value::list found;
        std::string failures;
        for (const std::string& name : call.words) {
            value object = co_await find(call.api, name);
            if (object.is_null())
                failures += fmt::format("Error: No such {}: {}\n", type_.empty() ? "object" : type_, name);
            else
                found.push_back(std::move(object));
        }
        if (format_.empty()) {
            print(value{std::move(found)}.to_pretty_json() + "\n");
        } else {
            for (const value& object : found)
                print((format_ == "json" ? object.to_json() : text_template{format_}.render(object)) + "\n");
        }
        if (!failures.empty()) {
            failures.pop_back();
            throw exit_error(1, "{}", failures);
        }
        co_return 0;
    }

  private:
    /// Null when there is nothing of that name.
    task<value> find(engine& api, std::string name) const {
        const std::string container = fmt::format("/containers/{}/json?size={:d}", encoded(name), shows_size_);
        const std::string image = fmt::format("/images/{}/json", io::percent_encode(name, "/:@"));
        for (const auto& [kind, path] : {std::pair{"container", container}, std::pair{"image", image}}) {
            if (!type_.empty() && type_ != kind) continue;
            try {
                const std::string body = co_await api.ask(io::http_method::get, path);
                co_return value::parse(body, "the engine's answer");
            } catch (const engine_error& e) {
                if (e.status() != 404) throw;
            }
        }
        co_return value{};
    }

    std::string format_;
    std::string type_;
    bool shows_size_ = false;
};

} // namespace

std::unique_ptr<command> make_inspect() {
    return std::make_unique<inspect_command>();
}

} // namespace davit::cli
