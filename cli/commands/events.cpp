#include "api/types/event_message.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/filters.h"
#include "cli/output.h"
#include "cli/pull_progress.h"
#include "core/rfc3339.h"

namespace davit::cli {

namespace {

class events_command final : public command {
  public:
    void declare(flag_set& flags) override {
        declare_filters(flags, filters_);
        format_.declare(flags, 0);
        flags.text("since", 0, since_, "Show all events created since timestamp");
        flags.text("until", 0, until_, "Stream events until this timestamp");
    }

    task<int> run(invocation call) override {
        std::string path = "/events?";
        if (!since_.empty()) path += "since=" + moment_parameter(since_) + "&";
        if (!until_.empty()) path += "until=" + moment_parameter(until_) + "&";
        path += filters_parameter(filters_);
        format_.prepare("Error parsing format");
        try_format();
        auto response = co_await call.api.open(io::http_method::get, path);
        line_splitter lines;
        std::vector<std::byte> buffer(16 * 1024);
        for (;;) {
            const std::size_t got = co_await response.read(buffer);
            if (got == 0) co_return 0;
            lines.add({reinterpret_cast<const char*>(buffer.data()), got});
            for (std::string line; lines.next(line);) print(shown(line));
        }
    }

  private:
    /// What an event may have and this one has not is empty in templates.
    static template_object optional_members() {
        template_object made;
        made.find = [](const std::string& name) -> std::optional<value> {
            for (const char* known : {"Status", "ID", "From", "Scope", "Time", "TimeNano"})
                if (name == known) return value{""};
            return std::nullopt;
        };
        return made;
    }

    /// What no event has is said at once, and not when the first one comes.
    void try_format() const {
        if (!format_.is_template()) return;
        const value none = value::parse(R"({"Type":"","Action":"","Actor":{"ID":"","Attributes":{}}})", "an event");
        std::string reason;
        try {
            format_.shown(none, optional_members());
        } catch (const error& e) {
            reason = e.text();
        }
        if (reason.find("map has no entry for key") != std::string::npos &&
            reason.find("Attributes") == std::string::npos)
            throw exit_error(64, "Error parsing format: {}", reason.substr(reason.find(": ") + 2));
    }

    std::string shown(const std::string& line) const {
        if (format_.is_given()) {
            return format_.shown(value::parse(line, "an event"), optional_members());
        }
        const auto happened = io::parse<api::event_message>(line, "an event");
        const std::chrono::system_clock::time_point at{std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds{happened.time_nano})};
        std::string text = fmt::format("{} {} {} {}", to_rfc3339_fixed(at), printable(happened.type),
                                       printable(happened.action), printable(happened.actor.id));
        std::string attributes;
        for (const auto& [key, held] : happened.actor.attributes)
            attributes += fmt::format("{}{}={}", attributes.empty() ? "" : ", ", printable(key), printable(held));
        return attributes.empty() ? text + "\n" : fmt::format("{} ({})\n", text, attributes);
    }

    std::vector<std::string> filters_;
    object_format format_;
    std::string since_, until_;
};

} // namespace

std::unique_ptr<command> make_events() {
    return std::make_unique<events_command>();
}

} // namespace davit::cli
